using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>The blocks that were read in part, in buffers that are used again. Thread-safe; a block that several want is fetched once.</summary>
internal sealed class EbsBlockCache
{
    private readonly Func<int, Memory<byte>, CancellationToken, ValueTask> _fetch;
    private readonly CancellationToken _lifetime;
    private readonly int _maxBlocks;
    private readonly Lock _lock = new();
    private readonly Dictionary<int, LinkedListNode<Entry>> _entries = [];
    private readonly LinkedList<Entry> _byAge = new();
    private readonly Stack<byte[]> _free = new();

    /// <param name="fetch">Fills a buffer with a block.</param>
    /// <param name="maxBlocks">How many blocks are kept; those in use come on top.</param>
    /// <param name="lifetime">Ends the fetches.</param>
    public EbsBlockCache(Func<int, Memory<byte>, CancellationToken, ValueTask> fetch, int maxBlocks, CancellationToken lifetime)
    {
        _fetch = fetch;
        _maxBlocks = maxBlocks;
        _lifetime = lifetime;
    }

    /// <summary>Copies a part of a block.</summary>
    public async ValueTask ReadAsync(int block, int start, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        Entry entry = Lease(block);
        try
        {
            await entry.Fetch.WaitAsync(cancellationToken).ConfigureAwait(false);
            entry.Buffer.AsSpan(start, buffer.Length).CopyTo(buffer.Span);
        }
        finally
        {
            Return(entry);
        }
    }

    /// <summary>Copies a block that is there already.</summary>
    /// <returns>Whether it was there.</returns>
    public bool TryRead(int block, Span<byte> buffer)
    {
        Entry entry;
        lock (_lock)
        {
            if (!_entries.TryGetValue(block, out LinkedListNode<Entry>? node) || !node.Value.Fetch.IsCompletedSuccessfully)
            {
                return false;
            }

            entry = node.Value;
            entry.Leases++;
        }

        entry.Buffer.AsSpan(0, buffer.Length).CopyTo(buffer);
        Return(entry);
        return true;
    }

    /// <summary>Begins to fetch a block, where it is not there.</summary>
    public void Prefetch(int block) => Return(Lease(block));

    private Entry Lease(int block)
    {
        lock (_lock)
        {
            if (_entries.TryGetValue(block, out LinkedListNode<Entry>? node))
            {
                // What failed is fetched again by the next who wants it.
                if (!node.Value.Fetch.IsFaulted && !node.Value.Fetch.IsCanceled)
                {
                    _byAge.Remove(node);
                    _byAge.AddFirst(node);
                    node.Value.Leases++;
                    return node.Value;
                }

                Remove(node);
            }

            byte[] buffer = _free.TryPop(out byte[]? used) ? used : new byte[EbsConstants.BlockSize];
            Entry entry = new(block, buffer) { Leases = 1 };
            entry.Fetch = FetchAsync(block, buffer);
            _entries[block] = _byAge.AddFirst(entry);
            Trim();
            return entry;
        }
    }

    private async Task FetchAsync(int block, byte[] buffer)
    {
        await Task.Yield();
        await _fetch(block, buffer, _lifetime).ConfigureAwait(false);
    }

    private void Return(Entry entry)
    {
        lock (_lock)
        {
            entry.Leases--;
            if (entry.IsRemoved)
            {
                Free(entry);
            }
            else
            {
                Trim();
            }
        }
    }

    private void Trim()
    {
        LinkedListNode<Entry>? node = _byAge.Last;
        while (_entries.Count > _maxBlocks && node is not null)
        {
            LinkedListNode<Entry>? younger = node.Previous;
            if (node.Value.Leases == 0 && node.Value.Fetch.IsCompleted)
            {
                Remove(node);
            }

            node = younger;
        }
    }

    private void Remove(LinkedListNode<Entry> node)
    {
        _byAge.Remove(node);
        _entries.Remove(node.Value.Block);
        node.Value.IsRemoved = true;
        Free(node.Value);
    }

    // Nobody reads the buffer and no fetch writes it any more.
    private void Free(Entry entry)
    {
        if (entry.Leases == 0 && entry.Fetch.IsCompleted && _free.Count < _maxBlocks)
        {
            _free.Push(entry.Buffer);
        }
    }

    private sealed class Entry(int block, byte[] buffer)
    {
        public int Block { get; } = block;

        public byte[] Buffer { get; } = buffer;

        public Task Fetch { get; set; } = Task.CompletedTask;

        public int Leases { get; set; }

        public bool IsRemoved { get; set; }
    }
}
