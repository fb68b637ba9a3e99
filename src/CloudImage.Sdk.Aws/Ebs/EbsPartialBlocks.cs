using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using Microsoft.Win32.SafeHandles;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>Blocks of which only parts were written so far. Some are held in memory, more in a nameless temporary file. Thread-safe.</summary>
internal sealed class EbsPartialBlocks : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<int, LinkedListNode<Partial>> _blocks = [];
    private readonly LinkedList<Partial> _inMemory = new();
    private readonly Stack<long> _freeSlots = new();
    private readonly int _maxInMemory;
    private readonly string _folder;
    private SafeFileHandle? _file;
    private long _slotCount;

    /// <param name="maxInMemory">How many blocks memory holds.</param>
    /// <param name="folder">Where the temporary file lies.</param>
    public EbsPartialBlocks(int maxInMemory, string folder)
    {
        _maxInMemory = maxInMemory;
        _folder = folder;
    }

    /// <summary>Indexes of all blocks, in order.</summary>
    public int[] Indexes
    {
        get
        {
            lock (_lock)
            {
                int[] indexes = [.. _blocks.Keys];
                Array.Sort(indexes);
                return indexes;
            }
        }
    }

    /// <summary>Adds a part.</summary>
    /// <param name="block">The block.</param>
    /// <param name="start">Where in the block it begins.</param>
    /// <param name="part">Its bytes; empty stands for zeros of <paramref name="length"/>.</param>
    /// <param name="length">Its length.</param>
    /// <param name="restIsZero">Whether what is not written is zero whatever a parent has; told with the first part.</param>
    /// <returns>The whole block, which is not held any more, when this was the last part of it; else null.</returns>
    public byte[]? Add(int block, int start, ReadOnlySpan<byte> part, int length, bool restIsZero)
    {
        lock (_lock)
        {
            if (!_blocks.TryGetValue(block, out LinkedListNode<Partial>? node))
            {
                node = _inMemory.AddFirst(new Partial(block, new byte[EbsConstants.BlockSize], restIsZero));
                _blocks[block] = node;
            }
            else
            {
                Load(node);
            }

            Partial partial = node.Value;
            Span<byte> target = partial.Buffer.AsSpan(start, length);
            if (part.IsEmpty)
            {
                target.Clear();
            }
            else
            {
                part.CopyTo(target);
            }

            partial.Cover(start, start + length);
            if (partial.IsWhole)
            {
                Remove(node);
                return partial.Buffer;
            }

            Spill();
            return null;
        }
    }

    /// <summary>Forgets the parts of a block, because it is written whole.</summary>
    public void Drop(int block)
    {
        lock (_lock)
        {
            if (_blocks.TryGetValue(block, out LinkedListNode<Partial>? node))
            {
                Remove(node);
            }
        }
    }

    /// <summary>Takes a block out, with the gaps that were not written.</summary>
    public (byte[] Buffer, IReadOnlyList<(int Start, int End)> Gaps, bool RestIsZero) Take(int block)
    {
        lock (_lock)
        {
            LinkedListNode<Partial> node = _blocks[block];
            Load(node);
            Remove(node);
            return (node.Value.Buffer!, node.Value.Gaps(), node.Value.RestIsZero);
        }
    }

    public void Dispose() => _file?.Dispose();

    private void Load(LinkedListNode<Partial> node)
    {
        Partial partial = node.Value;
        if (partial.Buffer is not null)
        {
            _inMemory.Remove(node);
            _inMemory.AddFirst(node);
            return;
        }

        byte[] buffer = new byte[EbsConstants.BlockSize];
        for (int length = 0; length < buffer.Length;)
        {
            int count = RandomAccess.Read(_file!, buffer.AsSpan(length), (partial.Slot * EbsConstants.BlockSize) + length);
            length += count > 0 ? count : throw new EndOfStreamException($"The temporary file for parts of blocks in '{_folder}' ended early.");
        }

        partial.Buffer = buffer;
        _freeSlots.Push(partial.Slot);
        partial.Slot = -1;
        _inMemory.AddFirst(node);
    }

    private void Spill()
    {
        while (_inMemory.Count > _maxInMemory)
        {
            LinkedListNode<Partial> oldest = _inMemory.Last!;
            _file ??= File.OpenHandle(
                Path.Combine(_folder, $"cloudimage-ebs-{Guid.NewGuid():N}"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, FileOptions.DeleteOnClose);
            long slot = _freeSlots.TryPop(out long free) ? free : _slotCount++;
            RandomAccess.Write(_file, oldest.Value.Buffer, slot * EbsConstants.BlockSize);
            oldest.Value.Slot = slot;
            oldest.Value.Buffer = null;
            _inMemory.RemoveLast();
        }
    }

    private void Remove(LinkedListNode<Partial> node)
    {
        _blocks.Remove(node.Value.Block);
        if (node.Value.Buffer is null)
        {
            _freeSlots.Push(node.Value.Slot);
        }
        else
        {
            _inMemory.Remove(node);
        }
    }

    private sealed class Partial(int block, byte[] buffer, bool restIsZero)
    {
        private readonly List<(int Start, int End)> _covered = [];

        public int Block { get; } = block;

        public byte[]? Buffer { get; set; } = buffer;

        public bool RestIsZero { get; } = restIsZero;

        public long Slot { get; set; } = -1;

        public bool IsWhole => _covered.Count == 1 && _covered[0] == (0, EbsConstants.BlockSize);

        public void Cover(int start, int end)
        {
            int first = 0;
            while (first < _covered.Count && _covered[first].End < start)
            {
                first++;
            }

            int last = first;
            while (last < _covered.Count && _covered[last].Start <= end)
            {
                start = Math.Min(start, _covered[last].Start);
                end = Math.Max(end, _covered[last].End);
                last++;
            }

            _covered.RemoveRange(first, last - first);
            _covered.Insert(first, (start, end));
        }

        public List<(int Start, int End)> Gaps()
        {
            List<(int Start, int End)> gaps = [];
            int from = 0;
            foreach ((int start, int end) in _covered)
            {
                if (start > from)
                {
                    gaps.Add((from, start));
                }

                from = end;
            }

            if (from < EbsConstants.BlockSize)
            {
                gaps.Add((from, EbsConstants.BlockSize));
            }

            return gaps;
        }
    }
}
