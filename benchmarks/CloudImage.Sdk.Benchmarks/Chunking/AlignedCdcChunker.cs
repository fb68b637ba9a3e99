using System;
using System.IO.Hashing;
using CloudImage.Sdk.Chunking;
using CloudImage.Sdk.Hashing;

namespace CloudImage.Sdk.Benchmarks.Chunking;

/// <summary>
/// Cuts at multiples of 4 KiB, after the unit whose XXH3 is lowest between the least and the greatest size; zero units are
/// taken out. Measured in the deduplication table and not kept in the library: MinCDC stores less everywhere.
/// </summary>
internal sealed class AlignedCdcChunker : Chunker
{
    private const int UnitSize = 4096;
    private const int ZeroExtentSize = 1024 * 1024;

    public AlignedCdcChunker(int meanSize)
        : base(new ChunkingOptions { MinSize = meanSize / 2, MaxSize = meanSize + (meanSize / 2) })
    {
    }

    public override int WindowSize => Math.Max(ZeroExtentSize, Options.MaxSize);

    private protected override bool TryCutCore(ReadOnlySpan<byte> window, bool isFinal, out ChunkCut cut)
    {
        cut = default;
        if (!isFinal && window.Length < WindowSize)
        {
            return false;
        }

        int zeros = 0;
        while (zeros < Math.Min(window.Length, ZeroExtentSize) && IsZeroUnit(window[zeros..]))
        {
            zeros = Math.Min(zeros + UnitSize, window.Length);
        }

        if (zeros > 0)
        {
            cut = new ChunkCut(zeros, isZero: true);
            return true;
        }

        int end = 0;
        int best = 0;
        ulong bestScore = ulong.MaxValue;
        while (end < Math.Min(window.Length, Options.MaxSize) && !IsZeroUnit(window[end..]))
        {
            ReadOnlySpan<byte> unit = window[end..Math.Min(window.Length, end + UnitSize)];
            end += unit.Length;
            if (end >= Options.MinSize && unit.Length == UnitSize && XxHash3.HashToUInt64(unit) is ulong score && score < bestScore)
            {
                best = end;
                bestScore = score;
            }
        }

        cut = new ChunkCut(best == 0 ? end : best, isZero: false);
        return true;
    }

    private static bool IsZeroUnit(ReadOnlySpan<byte> data) => ZeroDetector.IsZero(data[..Math.Min(UnitSize, data.Length)]);
}
