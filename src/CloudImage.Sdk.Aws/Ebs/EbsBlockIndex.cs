using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>What blocks a snapshot has and by which tokens they are read, listed as it is asked for.</summary>
/// <remarks>
/// Which blocks there are is kept for good in two bits each; tokens are kept for the last few pages and listed again when they are
/// wanted later or have expired. So a volume of 16 TiB takes 8 MiB and the pages. Thread-safe; a page is listed once at a time.
/// </remarks>
internal sealed class EbsBlockIndex
{
    private const int GroupLength = 8192;
    private const int MaxRun = 1 << 20;

    private static readonly TimeSpan s_expiryMargin = TimeSpan.FromMinutes(5);

    private readonly EbsDirectClient _client;
    private readonly string _snapshotId;
    private readonly int _maxPages;
    private readonly BlockBits _known;
    private readonly BlockBits _present;
    private readonly Lock _lock = new();
    private readonly LinkedList<CachedPage> _pages = new();
    private readonly Dictionary<int, Task<CachedPage>> _listings = [];
    private readonly CancellationToken _lifetime;

    private EbsBlockIndex(EbsDirectClient client, string snapshotId, int maxPages, CachedPage first, CancellationToken lifetime)
    {
        _client = client;
        _snapshotId = snapshotId;
        _maxPages = maxPages;
        _lifetime = lifetime;
        VolumeSize = first.Page.VolumeSize;
        BlockCount = VolumeSize * EbsConstants.BlocksPerGiB;
        _known = new BlockBits(BlockCount);
        _present = new BlockBits(BlockCount);
        Add(first);
    }

    public int VolumeSize { get; }

    public int BlockCount { get; }

    /// <summary>Opens the index of a snapshot by listing its first page.</summary>
    public static async ValueTask<EbsBlockIndex> OpenAsync(EbsDirectClient client, string snapshotId, int maxPages, CancellationToken lifetime, CancellationToken cancellationToken) =>
        new(client, snapshotId, maxPages, await ListAsync(client, snapshotId, 0, EbsConstants.MaxPageLength, cancellationToken).ConfigureAwait(false), lifetime);

    /// <summary>Tells whether there is a block, and how long it goes on like this.</summary>
    /// <param name="block">The block.</param>
    /// <param name="limit">Where the answer may end.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Whether it is there, and the first block behind it of which that is not known to be so too.</returns>
    public async ValueTask<(bool IsPresent, int End)> FindAsync(int block, int limit, CancellationToken cancellationToken)
    {
        while (!_known[block])
        {
            await GetPageAsync(block, cancellationToken).ConfigureAwait(false);
        }

        // What is known is asked before what is present, since a page tells them the other way round. The first search
        // only keeps the second from going through a whole volume each time.
        bool isPresent = _present[block];
        int end = _present.Find(block, Math.Min(limit, block + MaxRun), !isPresent);
        end = _known.Find(block, end, false);
        return (isPresent, _present.Find(block, end, !isPresent));
    }

    /// <summary>Whether a block is known to be there, without asking.</summary>
    public bool IsKnownPresent(int block) => _known[block] && _present[block];

    /// <summary>The token that reads a block; null where the snapshot has no such block.</summary>
    public async ValueTask<string?> FindTokenAsync(int block, CancellationToken cancellationToken)
    {
        if (FindCached(block) is { } cached)
        {
            return cached.Page.FindToken(block);
        }

        // Pages begin at places that neighbours share, so that many readers list one page and not each their own.
        int start = block / GroupLength * GroupLength;
        CachedPage page = await GetPageAsync(start, cancellationToken).ConfigureAwait(false);
        while (block >= page.End)
        {
            page = await GetPageAsync(page.End, cancellationToken).ConfigureAwait(false);
        }

        return page.Page.FindToken(block);
    }

    /// <summary>Forgets the tokens around a block, because the service does not take them.</summary>
    public void ForgetTokens(int block)
    {
        lock (_lock)
        {
            for (LinkedListNode<CachedPage>? node = _pages.First; node is not null;)
            {
                LinkedListNode<CachedPage>? next = node.Next;
                if (node.Value.Start <= block && block < node.Value.End)
                {
                    _pages.Remove(node);
                }

                node = next;
            }
        }
    }

    private static async Task<CachedPage> ListAsync(EbsDirectClient client, string snapshotId, int start, int length, CancellationToken cancellationToken)
    {
        string? token = null;
        for (int empty = 0; empty <= EbsConstants.MaxEmptyPages; empty++)
        {
            EbsBlockPage page = await client.ListBlocksAsync(snapshotId, start, token, length, cancellationToken).ConfigureAwait(false);
            if (page.Indexes.Length > 0 || page.NextToken is null)
            {
                int end = page.NextToken is null ? page.VolumeSize * EbsConstants.BlocksPerGiB : page.Indexes[^1] + 1;
                return new CachedPage(start, end, page);
            }

            token = page.NextToken;
        }

        throw new EbsException($"The list of the blocks of {snapshotId} goes on without blocks after {EbsConstants.MaxEmptyPages} pages. The endpoint may not be EBS direct.");
    }

    private async ValueTask<CachedPage> GetPageAsync(int start, CancellationToken cancellationToken)
    {
        Task<CachedPage>? listing;
        lock (_lock)
        {
            if (FindCachedLocked(start) is { } cached)
            {
                return cached;
            }

            if (!_listings.TryGetValue(start, out listing))
            {
                listing = ListAndAddAsync(start);
                _listings[start] = listing;
            }
        }

        return await listing.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    private async Task<CachedPage> ListAndAddAsync(int start)
    {
        // Behind the lock that its caller holds, whatever comes of it.
        await Task.Yield();
        try
        {
            CachedPage page = await ListAsync(_client, _snapshotId, start, start % GroupLength == 0 ? GroupLength : EbsConstants.MaxPageLength, _lifetime).ConfigureAwait(false);
            if (page.Page.VolumeSize != VolumeSize)
            {
                throw new EbsException($"The volume of {_snapshotId} has {page.Page.VolumeSize} GiB, and had {VolumeSize} before. The endpoint may not be EBS direct.");
            }

            Add(page);
            return page;
        }
        finally
        {
            lock (_lock)
            {
                _listings.Remove(start);
            }
        }
    }

    private void Add(CachedPage page)
    {
        lock (_lock)
        {
            foreach (int index in page.Page.Indexes)
            {
                _present.Set(index);
            }

            // Last: who finds a block known may ask whether it is present.
            _known.SetRange(page.Start, page.End);
            _pages.AddFirst(page);
            if (_pages.Count > _maxPages)
            {
                _pages.RemoveLast();
            }
        }
    }

    private CachedPage? FindCached(int block)
    {
        lock (_lock)
        {
            return FindCachedLocked(block);
        }
    }

    private CachedPage? FindCachedLocked(int block)
    {
        for (LinkedListNode<CachedPage>? node = _pages.First; node is not null; node = node.Next)
        {
            CachedPage page = node.Value;
            if (page.Start > block || block >= page.End)
            {
                continue;
            }

            _pages.Remove(node);
            if (page.Page.ExpiryTime != default && page.Page.ExpiryTime - s_expiryMargin <= _client.ServiceTime)
            {
                return null;
            }

            _pages.AddFirst(node);
            return page;
        }

        return null;
    }

    /// <summary>A page and the blocks that it speaks of: those in its range that it does not list are not there.</summary>
    private sealed record CachedPage(int Start, int End, EbsBlockPage Page);
}
