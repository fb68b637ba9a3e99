using System;

namespace CloudImage.Sdk.Chunking;

/// <summary>Cuts where a hash of the last four bytes is lowest between the least and the greatest size.</summary>
/// <remarks>
/// MinCDC: of the positions i in [min, max] from the start of the chunk, the cut is the first at which
/// <c>LE32(bytes i-4 to i) * multiplier + addend</c> modulo 2^32 is lowest. Runs of 64 KiB of zeros and more are taken out
/// first, as extents of at most 1 MiB, so that they neither store nor decide anything.
/// </remarks>
public sealed class MinCdcChunker : Chunker
{
    private const int MinZeroRun = 64 * 1024;

    private readonly MinCdcKernel _kernel;
    private ZeroRunSplitter _zeroRuns;

    /// <summary>Makes a chunker.</summary>
    /// <param name="options">Sizes with 64 bytes &lt;= minimum &lt; maximum &lt;= 16 MiB, and an odd multiplier.</param>
    /// <exception cref="ArgumentNullException"><paramref name="options"/> is null.</exception>
    /// <exception cref="ArgumentException">The options are out of range.</exception>
    public MinCdcChunker(ChunkingOptions options)
        : this(options, MinCdcSearch.BestKernel)
    {
    }

    internal MinCdcChunker(ChunkingOptions options, MinCdcKernel kernel)
        : base(options)
    {
        ArgumentNullException.ThrowIfNull(options);
        RequireOptions(
            options.MinSize >= 64 && options.MaxSize > options.MinSize && options.MaxSize <= MaxSupportedSize
                && (options.Multiplier & 1) == 1,
            options);
        _kernel = kernel;
        _zeroRuns = new ZeroRunSplitter(MinZeroRun, options.MaxSize);
    }

    /// <inheritdoc/>
    public override int WindowSize => _zeroRuns.WindowSize;

    /// <inheritdoc/>
    public override void Reset() => _zeroRuns.Reset();

    private protected override bool TryCutCore(ReadOnlySpan<byte> window, bool isFinal, out ChunkCut cut)
    {
        // Position i is judged by the four bytes before it, so the first window starts four bytes before the minimum.
        int first = Options.MinSize - MinCdcSearch.WindowSizeInBytes;
        int expected = Math.Min(window.Length, Options.MaxSize);
        int found = 0;
        bool isSearched = window[0] != 0 && window.Length > Options.MaxSize;
        if (isSearched)
        {
            _zeroRuns.Prefetch(window);
            found = Search(window[first..expected]);
        }

        if (!_zeroRuns.TryNext(window, isFinal, out int length, out bool isZero))
        {
            cut = default;
            return false;
        }

        if (!isZero && length > Options.MinSize)
        {
            length = Options.MinSize + (isSearched && length == expected ? found : Search(window[first..length]));
        }

        cut = new ChunkCut(length, isZero);
        return true;
    }

    private int Search(ReadOnlySpan<byte> data)
    {
        MinCdcSearch.PrefetchFirst(data);
        return MinCdcSearch.IndexOfMin(data, Options.Multiplier, Options.Addend, _kernel);
    }
}
