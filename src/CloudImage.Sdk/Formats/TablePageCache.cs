using System;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats;

/// <summary>Reads a container's tables page by page and keeps a bounded number of pages. Thread-safe; a hit takes no lock.</summary>
/// <remarks>Pages are aligned to the container, so that an entry whose size divides its position never straddles two.</remarks>
internal sealed class TablePageCache
{
    private const int MinPages = 4;
    private readonly VirtualDisk _container;
    private readonly ConcurrentDictionary<long, byte[]> _pages = new();
    private readonly ConcurrentQueue<long> _order = new();
    private readonly long _maxPages;

    /// <summary>Makes an empty cache.</summary>
    /// <param name="container">What is read; not owned.</param>
    /// <param name="pageSize">Size of a page in bytes, a power of two.</param>
    /// <param name="maxMemory">Bytes that the pages may take together; a few are kept in any case.</param>
    public TablePageCache(VirtualDisk container, int pageSize, long maxMemory)
    {
        Debug.Assert(int.IsPow2(pageSize));
        _container = container;
        PageSize = pageSize;
        _maxPages = Math.Max(MinPages, maxMemory / pageSize);
    }

    /// <summary>Size of a page in bytes.</summary>
    public int PageSize { get; }

    /// <summary>Position of a place in the container within its page.</summary>
    public int OffsetInPage(long fileOffset) => (int)(fileOffset & (PageSize - 1));

    /// <summary>The page that holds a position, when it is there.</summary>
    /// <param name="fileOffset">Position in the container.</param>
    /// <returns>The page; null when it has to be read.</returns>
    public byte[]? Find(long fileOffset) => _pages.TryGetValue(fileOffset / PageSize, out byte[]? page) ? page : null;

    /// <summary>The page that holds a position, read when it is not there.</summary>
    /// <param name="fileOffset">Position in the container.</param>
    /// <param name="mode">How to work.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The page, which must not be changed; behind the end of the container it is zero.</returns>
    public ValueTask<byte[]> ReadAsync(long fileOffset, IoMode mode, CancellationToken cancellationToken) =>
        Find(fileOffset) is { } page ? ValueTask.FromResult(page) : LoadAsync(fileOffset / PageSize, mode, cancellationToken);

    private async ValueTask<byte[]> LoadAsync(long index, IoMode mode, CancellationToken cancellationToken)
    {
        byte[] page = new byte[PageSize];
        await _container.ReadAsync(page, index * PageSize, mode, cancellationToken).ConfigureAwait(false);
        if (_pages.TryAdd(index, page))
        {
            _order.Enqueue(index);
            while (_order.Count > _maxPages && _order.TryDequeue(out long oldest))
            {
                _pages.TryRemove(oldest, out _);
            }
        }

        return page;
    }
}
