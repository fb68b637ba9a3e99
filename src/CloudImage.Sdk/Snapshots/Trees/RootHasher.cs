using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots.Packs;

namespace CloudImage.Sdk.Snapshots.Trees;

/// <summary>Computes the root that a disk would have as a snapshot. Reads its data once and stores nothing.</summary>
internal static class RootHasher
{
    private const int WindowLength = 4 << 20;

    /// <summary>Computes the root of the first bytes of a disk; what it holds behind them has to be zeros.</summary>
    /// <returns>The root, or null where something follows.</returns>
    public static async ValueTask<ContentDigest?> ComputeAsync(VirtualDisk disk, long length, int chunkSize, ContentHashAlgorithm suite, CancellationToken cancellationToken)
    {
        TreeGeometry geometry = new(length, chunkSize);
        FrameCodec codec = new(suite, RepositoryProtection.None);
        byte[] window = new byte[Math.Max(WindowLength, chunkSize)];
        List<ContentDigest>[] levels = new List<ContentDigest>[geometry.Levels + 1];
        for (int level = 0; level < levels.Length; level++)
        {
            levels[level] = [];
        }

        for (long offset = 0; offset < length; offset += window.Length)
        {
            Memory<byte> part = window.AsMemory(0, (int)Math.Min(window.Length, length - offset));
            int count = await disk.ReadAsync(part, offset, cancellationToken).ConfigureAwait(false);
            window.AsSpan(count).Clear();
            ContentDigest[] digests = new ContentDigest[(part.Length + chunkSize - 1) / chunkSize];
            Parallel.For(0, digests.Length, new ParallelOptions { CancellationToken = cancellationToken }, index =>
            {
                ReadOnlySpan<byte> chunk = window.AsSpan(index * chunkSize, chunkSize);
                digests[index] = ZeroDetector.IsZero(chunk) ? MerkleHash.Zero : codec.Hash(chunk);
            });
            foreach (ContentDigest digest in digests)
            {
                levels[0].Add(digest);
                Fold(levels, suite, false);
            }
        }

        Fold(levels, suite, true);
        bool isZeroBehind = disk.Length <= length || await IsZeroAsync(disk, length, window, cancellationToken).ConfigureAwait(false);
        return !isZeroBehind ? null : geometry.ChunkCount == 0 ? MerkleHash.Zero : levels[^1][0];
    }

    private static void Fold(List<ContentDigest>[] levels, ContentHashAlgorithm suite, bool isLast)
    {
        ContentDigest[] entries = new ContentDigest[TreeGeometry.FanOut];
        for (int level = 0; level < levels.Length - 1; level++)
        {
            if (levels[level].Count < (isLast ? 1 : TreeGeometry.FanOut))
            {
                continue;
            }

            Array.Clear(entries);
            levels[level].CopyTo(entries);
            levels[level + 1].Add(MerkleHash.OfNode(suite, entries, levels[level].Count));
            levels[level].Clear();
        }
    }

    private static async ValueTask<bool> IsZeroAsync(VirtualDisk disk, long from, byte[] window, CancellationToken cancellationToken)
    {
        for (long offset = from; offset < disk.Length; offset += window.Length)
        {
            int count = await disk.ReadAsync(window.AsMemory(0, (int)Math.Min(window.Length, disk.Length - offset)), offset, cancellationToken).ConfigureAwait(false);
            if (!ZeroDetector.IsZero(window.AsSpan(0, count)))
            {
                return false;
            }
        }

        return true;
    }
}
