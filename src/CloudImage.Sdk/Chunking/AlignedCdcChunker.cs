using System;
using System.IO.Hashing;

namespace CloudImage.Sdk.Chunking;

/// <summary>Cuts at multiples of 4 KiB, after the unit whose digest is lowest between the least and the greatest size.</summary>
/// <remarks>
/// Meant for disks whose blocks have moved by whole file system blocks. The digest of a unit is XXH3 with 64 bits and seed
/// zero; of equal ones the first counts. Units that are all zero are taken out first, as extents of at most 1 MiB.
/// The stream has to start at a multiple of 4 KiB of the disk.
/// </remarks>
public sealed class AlignedCdcChunker : Chunker
{
    /// <summary>The size of a unit in bytes.</summary>
    public const int UnitSizeInBytes = 4096;

    private ZeroRunSplitter _zeroRuns;

    /// <summary>Makes a chunker.</summary>
    /// <param name="options">Sizes that are multiples of 4 KiB with 4 KiB &lt;= minimum &lt; maximum &lt;= 16 MiB.</param>
    /// <exception cref="ArgumentNullException"><paramref name="options"/> is null.</exception>
    /// <exception cref="ArgumentException">The options are out of range.</exception>
    public AlignedCdcChunker(ChunkingOptions options)
        : base(options)
    {
        ArgumentNullException.ThrowIfNull(options);
        RequireOptions(
            options.MinSize >= UnitSizeInBytes && options.MaxSize > options.MinSize && options.MaxSize <= MaxSupportedSize
                && options.MinSize % UnitSizeInBytes == 0 && options.MaxSize % UnitSizeInBytes == 0,
            options);
        _zeroRuns = new ZeroRunSplitter(UnitSizeInBytes, options.MaxSize, UnitSizeInBytes);
    }

    /// <inheritdoc/>
    public override int WindowSize => _zeroRuns.WindowSize;

    /// <inheritdoc/>
    public override void Reset() => _zeroRuns.Reset();

    private protected override bool TryCutCore(ReadOnlySpan<byte> window, bool isFinal, out ChunkCut cut)
    {
        if (!_zeroRuns.TryNext(window, isFinal, out int length, out bool isZero))
        {
            cut = default;
            return false;
        }

        if (!isZero && length > Options.MinSize)
        {
            length = FindCut(window[..length]);
        }

        cut = new ChunkCut(length, isZero);
        return true;
    }

    private int FindCut(ReadOnlySpan<byte> data)
    {
        int best = data.Length;
        ulong bestScore = ulong.MaxValue;
        for (int end = Options.MinSize; end <= data.Length; end += UnitSizeInBytes)
        {
            ulong score = XxHash3.HashToUInt64(data.Slice(end - UnitSizeInBytes, UnitSizeInBytes));
            if (score < bestScore)
            {
                best = end;
                bestScore = score;
            }
        }

        return best;
    }
}
