using System;
using CloudImage.Sdk.Hashing;

namespace CloudImage.Sdk.Chunking;

/// <summary>Takes long runs of zeros out of a stream, leaving the data between them to a content-defined rule.</summary>
/// <remarks>
/// A zero run is maximal. Cut into extents of <see cref="ZeroExtentSize"/> and a rest, it needs no look-ahead beyond that.
/// Both its edges depend on the content alone, so the chunks after it do not depend on those before.
/// </remarks>
internal struct ZeroRunSplitter
{
    /// <summary>The greatest length in bytes of one zero extent; a longer run is several.</summary>
    public const int ZeroExtentSize = 1024 * 1024;

    private readonly int _minZeroRun;
    private readonly int _maxDataSize;
    private bool _isInZeroRun;

    public ZeroRunSplitter(int minZeroRun, int maxDataSize)
    {
        _minZeroRun = minZeroRun;
        _maxDataSize = maxDataSize;
        _isInZeroRun = false;
    }

    /// <summary>Gets the number of bytes that always suffices for <see cref="TryNext"/>.</summary>
    public readonly int WindowSize => Math.Max(ZeroExtentSize, _maxDataSize + _minZeroRun);

    public void Reset() => _isInZeroRun = false;

    /// <summary>Finds what the window starts with.</summary>
    /// <param name="window">The bytes from the end of the previous chunk on, at least one.</param>
    /// <param name="isFinal">Whether the stream ends with the window.</param>
    /// <param name="length">
    /// The length of the zero extent, or of the data up to the next zero run, the end or the greatest size.
    /// </param>
    /// <param name="isZero">Whether it is a zero extent.</param>
    /// <returns><see langword="false"/> when more bytes are needed.</returns>
    public bool TryNext(ReadOnlySpan<byte> window, bool isFinal, out int length, out bool isZero)
    {
        length = CountZeros(window);
        isZero = length >= (_isInZeroRun ? 1 : _minZeroRun);
        if (length == window.Length && length < ZeroExtentSize && !isFinal)
        {
            return false;
        }

        if (!isZero)
        {
            if (!isFinal && window.Length < _maxDataSize + _minZeroRun)
            {
                return false;
            }

            length = FindDataEnd(window[..Math.Min(window.Length, _maxDataSize + _minZeroRun)]);
        }

        _isInZeroRun = isZero;
        return true;
    }

    /// <summary>Asks for the bytes that <see cref="TryNext"/> will look at.</summary>
    public readonly void Prefetch(ReadOnlySpan<byte> window)
    {
        for (int probe = _minZeroRun - 1; probe < Math.Min(window.Length, _maxDataSize + _minZeroRun); probe += _minZeroRun)
        {
            CacheLines.Prefetch(window[probe..]);
        }
    }

    private static int CountZeros(ReadOnlySpan<byte> window)
    {
        if (window[0] != 0)
        {
            return 0;
        }

        ReadOnlySpan<byte> searched = window[..Math.Min(window.Length, ZeroExtentSize)];
        int end = ZeroDetector.IndexOfNonZero(searched);
        return end < 0 ? searched.Length : end;
    }

    // Every run of _minZeroRun bytes holds one of the bytes at multiples of that distance: only those are looked at.
    private readonly int FindDataEnd(ReadOnlySpan<byte> window)
    {
        for (int probe = _minZeroRun - 1; probe < window.Length; probe += _minZeroRun)
        {
            if (window[probe] != 0)
            {
                continue;
            }

            int start = ZeroDetector.LastIndexOfNonZero(window[..probe]) + 1;
            int zeros = ZeroDetector.IndexOfNonZero(window[probe..]);
            int end = zeros < 0 ? window.Length : probe + zeros;
            if (start > 0 && end - start >= _minZeroRun)
            {
                return Math.Min(start, _maxDataSize);
            }
        }

        return Math.Min(window.Length, _maxDataSize);
    }
}
