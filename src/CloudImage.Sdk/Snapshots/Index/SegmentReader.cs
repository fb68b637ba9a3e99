using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Security.Cryptography;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots.Index;

/// <summary>Looks keys up in one segment: filter and fences in memory, blocks through a cache that all segments share. Thread-safe.</summary>
internal sealed class SegmentReader
{
    private const int MaxMetaLength = 1 << 30;
    private const int PieceLength = 128 * 1024;
    private readonly ObjectStore _store;
    private readonly FlightCache<(string Name, long Block), byte[]> _pages;
    private readonly KeyFilter? _filter;
    private readonly byte[] _fences;

    private SegmentReader(ObjectStore store, FlightCache<(string Name, long Block), byte[]> pages, string name, long count, PackId[] packs, string[] sources, KeyFilter? filter, byte[] fences)
    {
        _store = store;
        _pages = pages;
        _filter = filter;
        _fences = fences;
        Name = name;
        Count = count;
        Packs = packs;
        Sources = sources;
    }

    public string Name { get; }

    public long Count { get; }

    public IReadOnlyList<PackId> Packs { get; }

    /// <summary>The segments whose entries this one took over.</summary>
    public IReadOnlyList<string> Sources { get; }

    private KeyFilter Filter => _filter ?? throw new InvalidOperationException("The segment was opened without its filter.");

    public long BlockCount => _fences.Length / 8;

    /// <summary>Opens a segment for looking up.</summary>
    /// <exception cref="RepositoryCorruptException">The object is missing or is no segment.</exception>
    public static ValueTask<SegmentReader> OpenAsync(
        ObjectStore store, FlightCache<(string Name, long Block), byte[]> pages, string name, long length, CancellationToken cancellationToken) =>
        OpenAsync(store, pages, name, length, true, cancellationToken);

    /// <summary>Reads the names of the segments that a merged one took over, unchecked: enough to choose which ones to open.</summary>
    /// <exception cref="RepositoryCorruptException">The object is missing or is no segment.</exception>
    public static async ValueTask<string[]> ReadSourcesAsync(ObjectStore store, string name, long length, CancellationToken cancellationToken)
    {
        SegmentBytes bytes = await SegmentBytes.OpenAsync(store, name, length, cancellationToken).ConfigureAwait(false);
        (byte[] _, long _, long _, long _, long _, long sources) = await ReadFooterAsync(bytes, name, length, cancellationToken).ConfigureAwait(false);
        byte[] names = new byte[sources];
        await bytes.ReadExactlyAsync(names, length - SegmentLayout.FooterLength - sources, cancellationToken).ConfigureAwait(false);
        return Split(names);
    }

    /// <summary>Opens a segment.</summary>
    /// <param name="store">The store.</param>
    /// <param name="pages">The cache of blocks.</param>
    /// <param name="name">The object name.</param>
    /// <param name="length">Its length.</param>
    /// <param name="keepsFilter">Whether keys are looked up; the filter, most of what a segment costs in memory, is otherwise checked and let go.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="RepositoryCorruptException">The object is missing or is no segment.</exception>
    public static async ValueTask<SegmentReader> OpenAsync(
        ObjectStore store, FlightCache<(string Name, long Block), byte[]> pages, string name, long length, bool keepsFilter, CancellationToken cancellationToken)
    {
        SegmentBytes bytes = await SegmentBytes.OpenAsync(store, name, length, cancellationToken).ConfigureAwait(false);
        (byte[] footer, long packs, long count, long blocks, long filter, long sources) = await ReadFooterAsync(bytes, name, length, cancellationToken).ConfigureAwait(false);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(name));
        byte[] header = new byte[SegmentLayout.HeaderLength];
        PackId[] table = new PackId[packs];
        long tableLength = packs * PackId.SizeInBytes;
        byte[] fences = new byte[blocks * 8];
        byte[] names = new byte[sources];
        long position = SegmentLayout.HeaderLength + (blocks * SegmentLayout.BlockLength);
        await ReadAsync(header, 0).ConfigureAwait(false);
        byte[] piece = new byte[Math.Min(tableLength, PieceLength / PackId.SizeInBytes * PackId.SizeInBytes)];
        for (long done = 0; done < tableLength; done += piece.Length)
        {
            Memory<byte> part = piece.AsMemory(0, (int)Math.Min(piece.Length, tableLength - done));
            await ReadAsync(part, position + done).ConfigureAwait(false);
            ReadTable(name, part.Span, table.AsSpan((int)(done / PackId.SizeInBytes)));
        }

        byte[] filterBlocks = new byte[keepsFilter ? filter : Math.Min(filter, PieceLength)];
        for (long done = 0; done < filter; done += filterBlocks.Length)
        {
            await ReadAsync(filterBlocks.AsMemory(0, (int)Math.Min(filterBlocks.Length, filter - done)), position + tableLength + done).ConfigureAwait(false);
        }

        await ReadAsync(fences, position + tableLength + filter).ConfigureAwait(false);
        await ReadAsync(names, length - footer.Length - sources).ConfigureAwait(false);
        hash.AppendData(footer.AsSpan(0, SegmentLayout.FooterHashOffset));
        bool isWhole = hash.GetHashAndReset().AsSpan().SequenceEqual(footer.AsSpan(SegmentLayout.FooterHashOffset))
            && BinaryPrimitives.ReadUInt32LittleEndian(header) == SegmentLayout.HeaderMagic;
        if (!isWhole)
        {
            throw new RepositoryCorruptException(name, 0, "the tables of the segment do not match their hash.");
        }

        bytes.KeepBlocks(pages, blocks);
        return new SegmentReader(store, pages, name, count, table, Split(names), keepsFilter ? new KeyFilter(filterBlocks) : null, fences);

        async ValueTask ReadAsync(Memory<byte> part, long offset)
        {
            await bytes.ReadExactlyAsync(part, offset, cancellationToken).ConfigureAwait(false);
            hash.AppendData(part.Span);
        }
    }

    private static async ValueTask<(byte[] Footer, long Packs, long Count, long Blocks, long Filter, long Sources)> ReadFooterAsync(
        SegmentBytes bytes, string name, long length, CancellationToken cancellationToken)
    {
        if (length < SegmentLayout.HeaderLength + SegmentLayout.FooterLength)
        {
            throw new RepositoryCorruptException(name, 0, $"a segment has no length of {length} bytes.");
        }

        byte[] footer = new byte[SegmentLayout.FooterLength];
        await bytes.ReadExactlyAsync(footer, length - footer.Length, cancellationToken).ConfigureAwait(false);
        long packs = BinaryPrimitives.ReadUInt32LittleEndian(footer.AsSpan(4));
        long count = BinaryPrimitives.ReadInt64LittleEndian(footer.AsSpan(8));
        long blocks = BinaryPrimitives.ReadInt64LittleEndian(footer.AsSpan(16));
        long filter = BinaryPrimitives.ReadInt64LittleEndian(footer.AsSpan(24));
        long sources = BinaryPrimitives.ReadInt64LittleEndian(footer.AsSpan(32));
        bool isPlausible = BinaryPrimitives.ReadUInt32LittleEndian(footer) == SegmentLayout.FooterMagic && blocks >= 0 && blocks <= length / SegmentLayout.BlockLength
            && filter > 0 && filter <= length && filter % KeyFilter.BlockLength == 0 && sources >= 0 && sources <= length && count >= 0 && count <= blocks * SegmentLayout.EntriesPerBlock
            && SegmentLayout.HeaderLength + (blocks * SegmentLayout.BlockLength) + (packs * PackId.SizeInBytes) + filter + (blocks * 8) + sources + footer.Length == length;
        long metaLength = (packs * PackId.SizeInBytes) + filter + (blocks * 8) + sources;
        if (!isPlausible || metaLength > MaxMetaLength)
        {
            throw new RepositoryCorruptException(name, length - footer.Length, "the footer of the segment is none.");
        }

        return (footer, packs, count, blocks, filter, sources);
    }

    private static string[] Split(byte[] names) => names.Length == 0 ? [] : Encoding.UTF8.GetString(names).Split('\n');

    /// <summary>Finds an entry.</summary>
    /// <returns>The entry, or null.</returns>
    /// <exception cref="RepositoryCorruptException">A block is damaged.</exception>
    public async ValueTask<IndexEntry?> FindAsync(ChunkKey key, IoMode mode, CancellationToken cancellationToken)
    {
        if (!Filter.MayContain(key))
        {
            return null;
        }

        // Fences hold the upper half of the first key of each block: keys with the same upper half may begin in the block before.
        for (long block = LastBlockStartingAtOrBefore(key.High); block >= 0; block--)
        {
            byte[] page = await ReadBlockAsync(block, mode, cancellationToken).ConfigureAwait(false);
            if (Search(page, key, out IndexEntry entry))
            {
                return entry.Pack < Packs.Count ? entry : throw new RepositoryCorruptException(Name, BlockOffset(block), $"pack {entry.Pack} lies outside the table.");
            }

            if (SegmentLayout.ReadEntry(page, 0).Key.CompareTo(key) <= 0)
            {
                return null;
            }
        }

        return null;
    }

    /// <summary>Reads a block and checks it.</summary>
    /// <exception cref="RepositoryCorruptException">The block is damaged.</exception>
    public ValueTask<byte[]> ReadBlockAsync(long block, IoMode mode, CancellationToken cancellationToken) =>
        _pages.GetAsync((Name, block), this, static (key, reader, mode, token) => reader.LoadBlockAsync(key.Block, mode, token), mode, cancellationToken);

    /// <summary>Reads a block past the cache.</summary>
    public async ValueTask<byte[]> LoadBlockAsync(long block, IoMode mode, CancellationToken cancellationToken)
    {
        byte[] page = new byte[SegmentLayout.BlockLength];
        await PackReader.ReadExactlyAsync(_store, Name, page, BlockOffset(block), mode, cancellationToken).ConfigureAwait(false);
        return SegmentLayout.CheckBlock(page, block) >= 0
            ? page
            : throw new RepositoryCorruptException(Name, BlockOffset(block), $"block {block} does not match its checksum.");
    }

    /// <summary>Checks that the entries of a block are in order, in the filter, and name packs of the table.</summary>
    /// <exception cref="RepositoryCorruptException">One is not.</exception>
    public void CheckEntries(ReadOnlySpan<byte> page, long block)
    {
        int count = SegmentLayout.CheckBlock(page, block);
        for (int index = 0; index < count; index++)
        {
            IndexEntry entry = SegmentLayout.ReadEntry(page, index);
            bool isInOrder = index == 0 || SegmentLayout.ReadEntry(page, index - 1).Key.CompareTo(entry.Key) < 0;
            if (!isInOrder || entry.Pack >= Packs.Count || !Filter.MayContain(entry.Key))
            {
                throw new RepositoryCorruptException(Name, BlockOffset(block), $"entry {index} is out of order, not in the filter, or of no pack in the table.");
            }
        }
    }

    private static long BlockOffset(long block) => SegmentLayout.HeaderLength + (block * SegmentLayout.BlockLength);

    private static void ReadTable(string name, ReadOnlySpan<byte> table, Span<PackId> packs)
    {
        for (int index = 0; index < table.Length / PackId.SizeInBytes; index++)
        {
            if (!PackId.TryRead(table[(index * PackId.SizeInBytes)..], out packs[index]) || packs[index].Kind != PackKind.Data)
            {
                throw new RepositoryCorruptException(name, 0, $"entry {index} of the table is no data pack.");
            }
        }
    }

    private static bool Search(byte[] page, ChunkKey key, out IndexEntry entry)
    {
        int low = 0;
        int high = (int)BinaryPrimitives.ReadInt64LittleEndian(page.AsSpan(8)) - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            entry = SegmentLayout.ReadEntry(page, middle);
            int order = entry.Key.CompareTo(key);
            if (order == 0)
            {
                return true;
            }

            if (order < 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }

        entry = default;
        return false;
    }

    private long LastBlockStartingAtOrBefore(ulong high)
    {
        long from = 0;
        long to = BlockCount - 1;
        long found = -1;
        while (from <= to)
        {
            long middle = (from + to) >>> 1;
            if (BinaryPrimitives.ReadUInt64LittleEndian(_fences.AsSpan((int)middle * 8)) <= high)
            {
                found = middle;
                from = middle + 1;
            }
            else
            {
                to = middle - 1;
            }
        }

        return found;
    }
}
