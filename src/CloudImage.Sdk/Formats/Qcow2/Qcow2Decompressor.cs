using System;
using System.Collections.Concurrent;
using CloudImage.Sdk.Compression;
using ZstdSharp.Unsafe;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>Inflates compressed clusters. Thread-safe: contexts are kept and reused, one a thread at a time.</summary>
/// <remarks>The output never exceeds the cluster, whatever the input says; bytes behind the end of the compressed data are ignored.</remarks>
internal sealed class Qcow2Decompressor : IDisposable
{
    private readonly bool _isZstd;
    private readonly ConcurrentBag<ZstdContext> _contexts = [];

    public Qcow2Decompressor(bool isZstd) => _isZstd = isZstd;

    /// <summary>Fills a cluster; answers null when it succeeded, else what was wrong.</summary>
    public string? TryDecompress(byte[] source, int sourceLength, Memory<byte> cluster) =>
        _isZstd ? TryZstd(source.AsSpan(0, sourceLength), cluster.Span) : TryDeflate(source.AsSpan(0, sourceLength), cluster.Span);

    public void Dispose()
    {
        while (_contexts.TryTake(out ZstdContext? context))
        {
            context.Dispose();
        }
    }

    // What follows behind a whole cluster is not looked at.
    private static string? TryDeflate(ReadOnlySpan<byte> source, Span<byte> cluster)
    {
        DeflateStatus status = DeflateDecoder.ForThread.Decode(source, cluster, out int count, out _);
        return count == cluster.Length ? null
            : status == DeflateStatus.Damaged ? $"the deflate stream is damaged behind the first {count} bytes of content"
            : $"the deflate stream ended after {count} of {cluster.Length} bytes";
    }

    private unsafe string? TryZstd(ReadOnlySpan<byte> source, Span<byte> cluster)
    {
        if (!_contexts.TryTake(out ZstdContext? context))
        {
            context = new ZstdContext();
        }

        try
        {
            fixed (byte* input = source)
            fixed (byte* output = cluster)
            {
                return Decode(context.Pointer, input, source.Length, output, cluster.Length);
            }
        }
        finally
        {
            _contexts.Add(context);
        }
    }

    // A cluster may be several frames; each one must bring the output forward, or the loop would never end.
    private static unsafe string? Decode(ZSTD_DCtx_s* context, byte* input, int inputLength, byte* output, int outputLength)
    {
        int consumed = 0;
        int produced = 0;
        while (produced < outputLength)
        {
            nuint frame = Methods.ZSTD_findFrameCompressedSize(input + consumed, (nuint)(inputLength - consumed));
            if (Methods.ZSTD_isError(frame))
            {
                return $"the zstd frame at byte {consumed} of the compressed data is damaged ({Methods.ZSTD_getErrorName(frame)})";
            }

            nuint count = Methods.ZSTD_decompressDCtx(context, output + produced, (nuint)(outputLength - produced), input + consumed, frame);
            if (Methods.ZSTD_isError(count))
            {
                return $"the zstd frame at byte {consumed} of the compressed data is damaged ({Methods.ZSTD_getErrorName(count)})";
            }

            if (count == 0)
            {
                return $"a zstd frame without content leaves the cluster at {produced} of {outputLength} bytes";
            }

            consumed += (int)frame;
            produced += (int)count;
        }

        return null;
    }

    private sealed unsafe class ZstdContext : IDisposable
    {
        public ZSTD_DCtx_s* Pointer { get; private set; } = Methods.ZSTD_createDCtx();

        ~ZstdContext() => Free();

        public void Dispose()
        {
            Free();
            GC.SuppressFinalize(this);
        }

        private void Free()
        {
            if (Pointer != null)
            {
                _ = Methods.ZSTD_freeDCtx(Pointer);
                Pointer = null;
            }
        }
    }
}
