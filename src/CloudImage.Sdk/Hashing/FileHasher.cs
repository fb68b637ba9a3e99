using System;
using System.Buffers;
using System.IO;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.Win32.SafeHandles;

namespace CloudImage.Sdk.Hashing;

/// <summary>Hashes the bytes of a whole file.</summary>
/// <remarks>Pure functions of the file's content, safe from any thread. Memory is 512 KiB for each thread.</remarks>
public static unsafe class FileHasher
{
    // A read buffer stays in the second-level cache, so that the bytes come from memory once.
    private const int BufferSize = 512 * 1024;

    // A power of two of leaves, so that each segment is a subtree of its own.
    private const int SegmentSize = 16 * 1024 * 1024;

    /// <summary>Hashes a file from its first byte to its last.</summary>
    /// <param name="file">A file open for reading, which can be read at any position. It stays open.</param>
    /// <param name="algorithm">The digest. Only BLAKE3 uses more than one thread.</param>
    /// <param name="maxThreads">The most threads that read and hash at once, at least one.</param>
    /// <param name="cancellationToken">Ends the work early.</param>
    /// <returns>The digest, as b3sum and sha256sum print it.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="file"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="algorithm"/> is unknown or <paramref name="maxThreads"/> is not positive.
    /// </exception>
    /// <exception cref="IOException">The file cannot be read, or became shorter meanwhile.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static ContentDigest HashFile(
        SafeFileHandle file,
        ContentHashAlgorithm algorithm,
        int maxThreads,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxThreads);
        switch (algorithm)
        {
            case ContentHashAlgorithm.Blake3:
                long length = RandomAccess.GetLength(file);
                return maxThreads == 1 || length <= SegmentSize
                    ? HashBlake3(file, cancellationToken)
                    : HashBlake3(file, length, maxThreads, cancellationToken);
            case ContentHashAlgorithm.Sha256:
                return HashSha256(file, cancellationToken);
            default:
                throw new ArgumentOutOfRangeException(nameof(algorithm), algorithm, "There is no such digest.");
        }
    }

    private static ContentDigest HashBlake3(SafeFileHandle file, CancellationToken cancellationToken)
    {
        Blake3 hasher = new();
        ReadAll(file, 0, long.MaxValue, hasher.Append, cancellationToken);
        return hasher.GetCurrentDigest();
    }

    private static ContentDigest HashSha256(SafeFileHandle file, CancellationToken cancellationToken)
    {
        using IncrementalHash hasher = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        ReadAll(file, 0, long.MaxValue, hasher.AppendData, cancellationToken);
        Span<byte> digest = stackalloc byte[ContentDigest.SizeInBytes];
        hasher.GetCurrentHash(digest);
        return new ContentDigest(digest);
    }

    private static ContentDigest HashBlake3(
        SafeFileHandle file, long length, int maxThreads, CancellationToken cancellationToken)
    {
        long segments = (length + SegmentSize - 1) / SegmentSize;
        byte[] chainingValues = new byte[checked((int)(segments * Blake3Constants.ChainingValueSizeInBytes))];
        ParallelOptions options = new() { MaxDegreeOfParallelism = maxThreads, CancellationToken = cancellationToken };
        Parallel.For(0, segments, options, segment =>
        {
            long offset = segment * SegmentSize;
            long count = Math.Min(SegmentSize, length - offset);
            Blake3 hasher = new(
                Blake3Constants.Iv.ToArray(), 0, Blake3Engine.BestKernel,
                (ulong)offset / Blake3Constants.LeafSizeInBytes);
            if (ReadAll(file, offset, count, hasher.Append, cancellationToken) != count)
            {
                throw new EndOfStreamException($"The file became shorter than {offset + count} bytes while it was read.");
            }

            hasher.GetChainingValue(chainingValues.AsSpan((int)segment * Blake3Constants.ChainingValueSizeInBytes));
        });
        return JoinSegments(chainingValues);
    }

    private static ContentDigest JoinSegments(byte[] chainingValues)
    {
        byte* digest = stackalloc byte[ContentDigest.SizeInBytes];
        fixed (uint* key = Blake3Constants.Iv)
        fixed (byte* values = chainingValues)
        {
            Blake3Kernel kernel = Blake3Engine.BestKernel;
            int count = chainingValues.Length / Blake3Constants.ChainingValueSizeInBytes;
            Blake3Engine.Reduce(kernel, values, count, 2, key, 0);
            Blake3Node.CreateParent(values, key, 0, out Blake3Node root);
            root.WriteDigest(kernel, digest);
        }

        return new ContentDigest(new ReadOnlySpan<byte>(digest, ContentDigest.SizeInBytes));
    }

    private static long ReadAll(
        SafeFileHandle file, long offset, long count, Appender append, CancellationToken cancellationToken)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        long done = 0;
        try
        {
            while (done < count)
            {
                cancellationToken.ThrowIfCancellationRequested();
                int wanted = (int)Math.Min(BufferSize, count - done);
                int read = RandomAccess.Read(file, buffer.AsSpan(0, wanted), offset + done);
                if (read == 0)
                {
                    break;
                }

                append(buffer.AsSpan(0, read));
                done += read;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        return done;
    }

    private delegate void Appender(ReadOnlySpan<byte> source);
}
