using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Azure;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;

namespace CloudImage.Sdk.Azure.Disks;

/// <summary>Asks for the pages of a blob, or for those that differ from an older snapshot, in windows that become smaller where the service runs out of time. Thread-safe.</summary>
internal sealed class PageRangeReader
{
    private const long MinWindowLength = 1 << 20;

    private readonly PageBlobClient _client;
    private readonly PageBlobRequestConditions? _conditions;
    private readonly string? _previousSnapshot;
    private readonly Uri? _previousAddress;
    private readonly string _name;
    private readonly long _length;
    private long _windowLength = PageBlobConstants.MaxManagedDiskLength * 2;

    /// <param name="client">What asks.</param>
    /// <param name="length">Length of the blob.</param>
    /// <param name="tag">The state that the blob must still have; null for a snapshot, or where it may change.</param>
    /// <param name="previousSnapshot">The older snapshot of the blob of a difference.</param>
    /// <param name="previousAddress">The signed address of the older managed snapshot of a difference.</param>
    public PageRangeReader(PageBlobClient client, long length, ETag? tag, string? previousSnapshot = null, Uri? previousAddress = null)
    {
        _client = client;
        _length = length;
        _conditions = tag is null ? null : new PageBlobRequestConditions { IfMatch = tag };
        _previousSnapshot = previousSnapshot;
        _previousAddress = previousAddress;
        _name = PageBlobConstants.Name(client.Uri);
    }

    /// <summary>Lists ranges from a position on.</summary>
    /// <param name="offset">The position.</param>
    /// <param name="end">Where enough is known.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The ranges, clipped; the list may end before <paramref name="end"/>, and holds at least one page.</returns>
    public async ValueTask<PageRangeList> ReadAsync(long offset, long end, CancellationToken cancellationToken)
    {
        while (true)
        {
            long window = Math.Min(end - offset, Interlocked.Read(ref _windowLength));
            try
            {
                PageRangeList list = await AskAsync(offset, offset + window, cancellationToken).ConfigureAwait(false);
                Interlocked.CompareExchange(ref _windowLength, Math.Max(window, Math.Min(window * 2, _length)), window);
                return list;
            }
            catch (Exception exception) when (window > MinWindowLength && AzureDiskFaults.IsFault(exception, cancellationToken) && AzureDiskFaults.IsTimeout(exception))
            {
                Interlocked.Exchange(ref _windowLength, Math.Max(MinWindowLength, PageBlobConstants.RoundUp(window / 4, PageBlobConstants.PageSize)));
            }
            catch (Exception exception) when (AzureDiskFaults.IsFault(exception, cancellationToken))
            {
                throw AzureDiskFaults.Map(exception, $"Listing the pages from {offset} to {offset + window} of {_name}");
            }
        }
    }

    /// <summary>Lists what lies before a position, clipped there: the disk without its footer.</summary>
    public async ValueTask<IReadOnlyList<(long Start, long End)>> ReadUntilAsync(long end, CancellationToken cancellationToken)
    {
        List<(long, long)> ranges = [];
        await foreach (PageRange range in ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            if (range.Start < end)
            {
                ranges.Add((range.Start, Math.Min(range.End, end)));
            }
        }

        return ranges;
    }

    /// <summary>Lists all ranges.</summary>
    public async IAsyncEnumerable<PageRange> ReadAllAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (long offset = 0; offset < _length;)
        {
            PageRangeList list = await ReadAsync(offset, _length, cancellationToken).ConfigureAwait(false);
            foreach (PageRange range in list.Ranges)
            {
                yield return range;
            }

            offset = list.End;
        }
    }

    private async ValueTask<PageRangeList> AskAsync(long offset, long end, CancellationToken cancellationToken)
    {
        HttpRange range = new(offset, end - offset);
        if (_previousAddress is not null)
        {
            return await AskManagedAsync(range, cancellationToken).ConfigureAwait(false);
        }

        AsyncPageable<PageRangeItem> items = _previousSnapshot is null
            ? _client.GetAllPageRangesAsync(new GetPageRangesOptions { Range = range, Conditions = _conditions }, cancellationToken)
            : _client.GetAllPageRangesDiffAsync(new GetPageRangesDiffOptions { Range = range, PreviousSnapshot = _previousSnapshot, Conditions = _conditions }, cancellationToken);
        await foreach (Page<PageRangeItem> page in items.AsPages(null, PageBlobConstants.MaxRangesPerAnswer).ConfigureAwait(false))
        {
            bool hasMore = !string.IsNullOrEmpty(page.ContinuationToken);
            if (page.Values.Count > 0 || !hasMore)
            {
                return Check(page.Values.Select(static item => (item.Range, item.IsClear)), offset, end, hasMore);
            }
        }

        return new PageRangeList(offset, end, []);
    }

    // This call has no pages that could be turned: an answer that is full tells as far as it goes.
    private async ValueTask<PageRangeList> AskManagedAsync(HttpRange range, CancellationToken cancellationToken)
    {
        PageRangesInfo info = await _client.GetManagedDiskPageRangesDiffAsync(range, null, _previousAddress, _conditions, cancellationToken).ConfigureAwait(false);
        List<(HttpRange Range, bool IsClear)> items = [.. info.PageRanges.Select(static item => (item, false)), .. info.ClearRanges.Select(static item => (item, true))];
        items.Sort(static (left, right) => left.Range.Offset.CompareTo(right.Range.Offset));
        return Check(items, range.Offset, range.Offset + range.Length!.Value, items.Count >= PageBlobConstants.MaxRangesPerAnswer);
    }

    private PageRangeList Check(IEnumerable<(HttpRange Range, bool IsClear)> items, long offset, long end, bool hasMore)
    {
        List<PageRange> ranges = [];
        long last = 0;
        foreach ((HttpRange item, bool isClear) in items)
        {
            long itemEnd = item.Length is { } length and > 0 && length <= _length - Math.Min(item.Offset, _length) ? item.Offset + length : -1;
            if (item.Offset < last || itemEnd < 0)
            {
                throw new AzureDiskException($"The list of the pages of {_name} holds a range at {item.Offset} of {item.Length} bytes, behind {last} and within {_length} were expected. The endpoint may not be a blob service.");
            }

            last = itemEnd;
            long start = Math.Max(item.Offset, offset);
            long stop = Math.Min(itemEnd, end);
            if (stop <= start)
            {
                continue;
            }

            if (ranges.Count > 0 && ranges[^1].End == start && ranges[^1].IsClear == isClear)
            {
                start = ranges[^1].Start;
                ranges.RemoveAt(ranges.Count - 1);
            }

            ranges.Add(new PageRange(start, stop, isClear));
        }

        long known = hasMore && ranges.Count > 0 ? ranges[^1].End : end;
        return new PageRangeList(offset, known, ranges);
    }
}
