using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.Azure.Disks;

/// <summary>Knows which pages of a blob hold data, and asks for what it does not know. Keeps a bounded number of answers. Thread-safe.</summary>
internal sealed class PageRangeIndex(PageRangeReader reader, long length, int maxLists) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _asking = new(1);
    private readonly SortedList<long, LinkedListNode<PageRangeList>> _lists = [];
    private readonly LinkedList<PageRangeList> _byUse = new();

    /// <summary>Tells what is at a position, and for how long it goes on.</summary>
    /// <param name="offset">The position.</param>
    /// <param name="end">Where the question ends.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Whether pages hold data, and up to where at least.</returns>
    public async ValueTask<(bool IsData, long End)> FindAsync(long offset, long end, CancellationToken cancellationToken)
    {
        if (TryFind(offset, end, out (bool, long) found, out _))
        {
            return found;
        }

        // One asks; who wants the same meanwhile finds it then.
        await _asking.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (TryFind(offset, end, out found, out long nextKnown))
            {
                return found;
            }

            PageRangeList list = await reader.ReadAsync(offset / PageBlobConstants.PageSize * PageBlobConstants.PageSize, nextKnown, cancellationToken).ConfigureAwait(false);
            Insert(list);
            return Answer(list, offset, end);
        }
        finally
        {
            _asking.Release();
        }
    }

    public void Dispose() => _asking.Dispose();

    private static (bool IsData, long End) Answer(PageRangeList list, long offset, long end)
    {
        int index = list.Find(offset);
        if (index == list.Ranges.Count)
        {
            return (false, Math.Min(end, list.End));
        }

        PageRange range = list.Ranges[index];
        return range.Start <= offset ? (true, Math.Min(end, range.End)) : (false, Math.Min(end, range.Start));
    }

    private bool TryFind(long offset, long end, out (bool IsData, long End) found, out long nextKnown)
    {
        lock (_lock)
        {
            int index = IndexAtOrBefore(offset);
            nextKnown = index + 1 < _lists.Count ? _lists.Keys[index + 1] : length;
            if (index < 0 || _lists.Values[index].Value.End <= offset)
            {
                found = default;
                return false;
            }

            LinkedListNode<PageRangeList> node = _lists.Values[index];
            _byUse.Remove(node);
            _byUse.AddFirst(node);
            found = Answer(node.Value, offset, end);
            return true;
        }
    }

    private void Insert(PageRangeList list)
    {
        lock (_lock)
        {
            _lists[list.Start] = _byUse.AddFirst(list);
            while (_lists.Count > maxLists)
            {
                _lists.Remove(_byUse.Last!.Value.Start);
                _byUse.RemoveLast();
            }
        }
    }

    private int IndexAtOrBefore(long offset)
    {
        int low = 0;
        int high = _lists.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (_lists.Keys[middle] <= offset)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low - 1;
    }
}
