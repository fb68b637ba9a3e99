using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using CloudImage.Sdk.IO;
using static CloudImage.Sdk.Formats.Qcow2.Qcow2Constants;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>Changes the reference counts of an existing image; changed blocks are kept until <see cref="Write"/>. One user at a time.</summary>
internal sealed class Qcow2RefcountEditor
{
    private readonly ImageEditor _image;
    private readonly Qcow2Header _header;
    private readonly DiskReadLimits _limits;
    private readonly SortedDictionary<long, byte[]> _changed = [];
    private readonly byte[] _loaded;
    private long _loadedBlock = -1;

    public Qcow2RefcountEditor(ImageEditor image, Qcow2Header header, ulong[] table, DiskReadLimits limits)
    {
        _image = image;
        _header = header;
        _limits = limits;
        _loaded = new byte[header.ClusterSize];
        Table = [.. table];
        CountsPerBlock = (header.ClusterSize * 8L) >> header.RefcountOrder;
    }

    /// <summary>Places of the blocks, as the table has them.</summary>
    public List<ulong> Table { get; }

    public long CountsPerBlock { get; }

    public bool HasBlock(long block) => block < Table.Count && Table[(int)block] != 0;

    public ulong CountOf(long cluster) =>
        HasBlock(cluster / CountsPerBlock) ? Qcow2Refcounts.Get(Block(cluster / CountsPerBlock), cluster % CountsPerBlock, _header.RefcountOrder) : 0;

    /// <summary>Takes a new, empty block into the table; it is written with the others.</summary>
    public void AddBlock(long block, long fileOffset)
    {
        while (Table.Count <= block)
        {
            Table.Add(0);
        }

        Table[(int)block] = (ulong)fileOffset;
        _changed[block] = new byte[_header.ClusterSize];
    }

    public void Set(long cluster, ulong count)
    {
        long block = cluster / CountsPerBlock;
        if (!_changed.TryGetValue(block, out byte[]? content))
        {
            if ((_changed.Count + 1L) * _header.ClusterSize > _limits.MaxMetadataMemory)
            {
                throw Qcow2Header.Error(_header.RefcountTableOffset, $"the counts that change exceed DiskReadLimits.MaxMetadataMemory, {_limits.MaxMetadataMemory}.");
            }

            content = Block(block).ToArray();
            _changed.Add(block, content);
        }

        Qcow2Refcounts.Set(content, cluster % CountsPerBlock, _header.RefcountOrder, count);
    }

    /// <summary>Takes one reference away from every cluster that a range touches.</summary>
    public void Release(long fileOffset, long length)
    {
        long last = (fileOffset + length - 1) >> _header.ClusterBits;
        for (long cluster = fileOffset >> _header.ClusterBits; cluster <= last; cluster++)
        {
            ulong count = CountOf(cluster);
            if (count == 0)
            {
                throw new InvalidOperationException($"The cluster at 0x{cluster << _header.ClusterBits:x} is in use and has a stored count of 0. Check and repair the image first.");
            }

            Set(cluster, count - 1);
        }
    }

    /// <summary>The number of the first cluster behind all that are counted.</summary>
    public long CountedEnd()
    {
        for (long block = Table.Count - 1; block >= 0; block--)
        {
            if (!HasBlock(block))
            {
                continue;
            }

            ReadOnlySpan<byte> content = Block(block);
            if (!content.ContainsAnyExcept((byte)0))
            {
                continue;
            }

            for (long index = CountsPerBlock - 1; index >= 0; index--)
            {
                if (Qcow2Refcounts.Get(content, index, _header.RefcountOrder) != 0)
                {
                    return (block * CountsPerBlock) + index + 1;
                }
            }
        }

        return 0;
    }

    /// <summary>Writes the changed blocks.</summary>
    public void Write()
    {
        foreach ((long block, byte[] content) in _changed)
        {
            _image.Write(content, (long)Table[(int)block]);
        }

        _changed.Clear();
        _loadedBlock = -1;
    }

    /// <summary>The table as it is to be on disk, filled up to whole clusters.</summary>
    public byte[] TableBytes(long clusters)
    {
        byte[] bytes = new byte[clusters << _header.ClusterBits];
        for (int index = 0; index < Table.Count; index++)
        {
            BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(index * 8), Table[index]);
        }

        return bytes;
    }

    private ReadOnlySpan<byte> Block(long block)
    {
        if (_changed.TryGetValue(block, out byte[]? changed))
        {
            return changed;
        }

        if (_loadedBlock != block)
        {
            ulong fileOffset = block < Table.Count ? Table[(int)block] : 0;
            if (fileOffset == 0 || fileOffset > MaxFileOffset || (fileOffset & (ulong)(_header.ClusterSize - 1)) != 0)
            {
                throw Qcow2Header.Error(_header.RefcountTableOffset + (block * 8), $"entry {block} of the refcount table, 0x{fileOffset:x}, leads to no block.");
            }

            int count = _image.Read(_loaded, (long)fileOffset);
            _loaded.AsSpan(count).Clear();
            _loadedBlock = block;
        }

        return _loaded;
    }
}
