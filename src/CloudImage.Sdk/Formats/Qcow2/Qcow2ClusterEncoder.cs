using System;
using System.Buffers;
using System.Collections.Concurrent;
using System.IO;
using System.IO.Compression;
using CloudImage.Sdk.Disks;
using ZstdSharp;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>Compresses clusters. Thread-safe; contexts are kept and reused where the compressor allows it.</summary>
internal sealed class Qcow2ClusterEncoder : IDisposable
{
    /// <summary>The cluster is zeros; nothing is stored of it.</summary>
    public const int Zero = 0;

    /// <summary>The content is compressed.</summary>
    public const int Compressed = 1;

    /// <summary>The content is the cluster as it is, because compression does not pay.</summary>
    public const int Plain = 2;

    private const int DefaultZlibLevel = 3;
    private const int DefaultZstdLevel = 3;

    private readonly int _clusterSize;
    private readonly bool _isZstd;
    private readonly int _level;
    private readonly ConcurrentBag<Compressor> _compressors = [];

    public Qcow2ClusterEncoder(Qcow2Options options)
    {
        _clusterSize = options.ClusterSize;
        _isZstd = options.Compression == Qcow2Compression.Zstd;
        _level = options.CompressionLevel ?? (_isZstd ? DefaultZstdLevel : DefaultZlibLevel);
    }

    /// <summary>Encodes a cluster; a shorter one, at the end of the disk, is filled up with zeros.</summary>
    public EncodedBlock Encode(ReadOnlySpan<byte> cluster, long offset)
    {
        if (!cluster.ContainsAnyExcept((byte)0))
        {
            return new EncodedBlock(offset, cluster.Length, ArrayPool<byte>.Shared.Rent(1), 0, Zero);
        }

        byte[] padded = ArrayPool<byte>.Shared.Rent(_clusterSize);
        cluster.CopyTo(padded);
        padded.AsSpan(cluster.Length, _clusterSize - cluster.Length).Clear();
        byte[] encoded = ArrayPool<byte>.Shared.Rent(_clusterSize);
        int length = _isZstd ? EncodeZstd(padded, encoded) : EncodeZlib(padded, encoded);
        if (length == 0)
        {
            ArrayPool<byte>.Shared.Return(encoded);
            return new EncodedBlock(offset, cluster.Length, padded, _clusterSize, Plain);
        }

        ArrayPool<byte>.Shared.Return(padded);
        return new EncodedBlock(offset, cluster.Length, encoded, length, Compressed);
    }

    public void Dispose()
    {
        while (_compressors.TryTake(out Compressor? compressor))
        {
            compressor.Dispose();
        }
    }

    private int EncodeZlib(byte[] cluster, byte[] encoded)
    {
        BoundedStream output = new(encoded, _clusterSize - 1);
        using (DeflateStream deflater = new(output, new ZLibCompressionOptions { CompressionLevel = _level }, true))
        {
            deflater.Write(cluster.AsSpan(0, _clusterSize));
        }

        return output.Count;
    }

    private int EncodeZstd(byte[] cluster, byte[] encoded)
    {
        if (!_compressors.TryTake(out Compressor? compressor))
        {
            compressor = new Compressor(_level);
        }

        try
        {
            return compressor.TryWrap(cluster.AsSpan(0, _clusterSize), encoded.AsSpan(0, _clusterSize - 1), out int written) ? written : 0;
        }
        finally
        {
            _compressors.Add(compressor);
        }
    }

    /// <summary>Takes bytes up to a limit; beyond it, takes and forgets all of them.</summary>
    private sealed class BoundedStream(byte[] buffer, int limit) : Stream
    {
        private int _count;
        private bool _isOver;

        /// <summary>Bytes taken; 0 when there were more than fit.</summary>
        public int Count => _isOver ? 0 : _count;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Write(byte[] source, int offset, int count) => Write(source.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> source)
        {
            if (_isOver || source.Length > limit - _count)
            {
                _isOver = true;
                return;
            }

            source.CopyTo(buffer.AsSpan(_count));
            _count += source.Length;
        }

        public override void Flush()
        {
        }

        public override int Read(byte[] source, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
