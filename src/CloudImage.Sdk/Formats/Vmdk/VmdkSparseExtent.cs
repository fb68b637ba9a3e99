using System;
using System.Buffers;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>An extent that maps grains through a directory of tables: what hosted, COWD and seSparse extents share.</summary>
/// <remarks>The directory is held in memory, tables are read when they are needed and kept in a bounded cache.</remarks>
internal abstract class VmdkSparseExtent : VmdkExtent
{
    private const int EntriesPerPage = 8192;
    private readonly VmdkTableCache _cache;
    private readonly int _tablesPerPage;

    protected VmdkSparseExtent(VirtualDisk container, VmdkTableCache cache, long start, long length, long grainSize, int entriesPerTable, int entrySize)
        : base(start, length)
    {
        Container = container;
        GrainSize = grainSize;
        EntriesPerTable = entriesPerTable;
        EntrySize = entrySize;
        _cache = cache;
        _tablesPerPage = Math.Clamp(EntriesPerPage / entriesPerTable, 1, 32);
        CacheSeed = start / Math.Max(1, grainSize * entriesPerTable * _tablesPerPage);
    }

    public override VirtualDisk Container { get; }

    public long GrainSize { get; }

    public int EntriesPerTable { get; }

    /// <summary>Spreads the pages of several extents over the shared cache.</summary>
    public long CacheSeed { get; }

    public int EntrySize { get; }

    public int TableSize => EntriesPerTable * EntrySize;

    public virtual bool IsCompressed => false;

    public override ValueTask<DiskPlacement> LocateAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        long grain = (offset - Start) / GrainSize;
        if (FindLoaded(grain / EntriesPerTable) is { } page)
        {
            return ValueTask.FromResult(LocateInPage(page, grain, offset, length));
        }

        return LocateSlowAsync(grain, offset, length, mode, cancellationToken);
    }

    /// <summary>Position in the file of a table; 0 where there is none, -1 where the directory points to an impossible place.</summary>
    public abstract long TableOffset(long table);

    /// <summary>Number of directory entries.</summary>
    public abstract long TableCount { get; }

    /// <summary>Reads and decodes one table as it is, past the cache and without repair.</summary>
    public async ValueTask<long[]> ReadTableAsync(long fileOffset, IoMode mode, CancellationToken cancellationToken)
    {
        byte[] bytes = new byte[TableSize];
        await Container.ReadAsync(bytes, fileOffset, mode, cancellationToken).ConfigureAwait(false);
        long[] entries = new long[EntriesPerTable];
        DecodeTable(bytes, entries);
        return entries;
    }

    /// <summary>Turns the raw bytes of a table into file positions and states.</summary>
    protected abstract void DecodeTable(ReadOnlySpan<byte> bytes, Span<long> entries);

    /// <summary>Repairs a decoded table from a second copy, where the format keeps one.</summary>
    protected virtual ValueTask RepairTableAsync(long table, Memory<long> entries, IoMode mode, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    /// <summary>The file position or state of one grain.</summary>
    protected async ValueTask<long> FindGrainAsync(long grain, IoMode mode, CancellationToken cancellationToken)
    {
        long table = grain / EntriesPerTable;
        if (TableOffset(table) == 0)
        {
            return VmdkTablePage.Unmapped;
        }

        VmdkTablePage page = FindLoaded(table) ?? await LoadAsync(table, mode, cancellationToken).ConfigureAwait(false);
        return page.Entries[EntryIndex(grain)];
    }

    private int EntryIndex(long grain) => (int)(grain % ((long)_tablesPerPage * EntriesPerTable));

    private VmdkTablePage? FindLoaded(long table)
    {
        VmdkTablePage? page = _cache.Find(this, table / _tablesPerPage);
        return page is not null && (page.Loaded >> (int)(table % _tablesPerPage) & 1) != 0 ? page : null;
    }

    private async ValueTask<DiskPlacement> LocateSlowAsync(long grain, long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        long table = grain / EntriesPerTable;
        long first = TableOffset(table);
        long wanted = 1 + (length + GrainSize - 1) / GrainSize / EntriesPerTable;
        if (first == 0)
        {
            return Unmapped(offset, length, table, CountMissing(table, wanted));
        }

        if (first > 0 && Container.IsLocal)
        {
            // Tables that were never written are a hole of the file: ask for it instead of reading zeros.
            long run = CountConsecutive(table, Math.Min(wanted, TableCount - table));
            long bytes = Math.Min(run * TableSize, Container.Length - first);
            DiskPlacement hole = await Container.LocateAsync(first, bytes, mode, cancellationToken).ConfigureAwait(false);
            if (hole.Kind != DiskExtentKind.Data && hole.Length >= TableSize)
            {
                return Unmapped(offset, length, table, hole.Length / TableSize);
            }
        }

        VmdkTablePage page = await LoadAsync(table, mode, cancellationToken).ConfigureAwait(false);
        return LocateInPage(page, grain, offset, length);
    }

    private DiskPlacement Unmapped(long offset, long length, long table, long tables)
    {
        long end = Math.Min(End, Start + Math.Min(Length, (table + tables) * EntriesPerTable * GrainSize));
        return new DiskPlacement(offset, Math.Min(length, end - offset), DiskExtentKind.Unmapped);
    }

    private long CountMissing(long table, long wanted)
    {
        long end = Math.Min(TableCount, table + wanted);
        long next = table + 1;
        while (next < end && TableOffset(next) == 0)
        {
            next++;
        }

        return next - table;
    }

    private long CountConsecutive(long table, long limit)
    {
        long first = TableOffset(table);
        long count = 1;
        while (count < limit && TableOffset(table + count) == first + count * TableSize)
        {
            count++;
        }

        return count;
    }

    // Reads the run of consecutive tables around the one that is wanted, within its page, and publishes a new page.
    private async ValueTask<VmdkTablePage> LoadAsync(long table, IoMode mode, CancellationToken cancellationToken)
    {
        long fileOffset = TableOffset(table);
        if (fileOffset < 0)
        {
            throw new DiskFormatException(VmdkConstants.FormatName, 0, $"The grain directory entry {table} points outside the file, and no redundant one is better.");
        }

        long index = table / _tablesPerPage;
        int within = (int)(table % _tablesPerPage);
        long limit = Math.Min(_tablesPerPage - within, TableCount - table);
        int count = (int)CountConsecutive(table, limit);
        VmdkTablePage page = new(this, index, _tablesPerPage, EntriesPerTable);
        if (_cache.Find(this, index) is { } older)
        {
            older.Entries.CopyTo(page.Entries, 0);
            page.Loaded = older.Loaded;
        }

        byte[] rented = ArrayPool<byte>.Shared.Rent(count * TableSize);
        try
        {
            Memory<byte> bytes = rented.AsMemory(0, count * TableSize);
            int read = await Container.ReadAsync(bytes, fileOffset, mode, cancellationToken).ConfigureAwait(false);
            bytes.Span[read..].Clear();
            for (int i = 0; i < count; i++)
            {
                Memory<long> entries = page.Entries.AsMemory((within + i) * EntriesPerTable, EntriesPerTable);
                DecodeTable(bytes.Span.Slice(i * TableSize, TableSize), entries.Span);
                await RepairTableAsync(table + i, entries, mode, cancellationToken).ConfigureAwait(false);
                page.Loaded |= 1u << (within + i);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }

        _cache.Add(page);
        return page;
    }

    private DiskPlacement LocateInPage(VmdkTablePage page, long grain, long offset, long length)
    {
        long[] entries = page.Entries;
        int index = EntryIndex(grain);
        long first = entries[index];
        if (first == VmdkTablePage.Bad)
        {
            throw new DiskFormatException(VmdkConstants.FormatName, Math.Max(0, TableOffset(grain / EntriesPerTable)) + grain % EntriesPerTable * EntrySize, $"The grain table entry of grain {grain} points outside the file.");
        }

        long within = (offset - Start) % GrainSize;
        long found = GrainSize - within;
        int next = index + 1;
        long limit = Math.Min(length, End - offset);
        int loadedEnd = LoadedEnd(page, index);
        while (found < limit && next < loadedEnd && Continues(first, entries[next], next - index))
        {
            found += GrainSize;
            next++;
        }

        found = Math.Min(found, limit);
        return first switch
        {
            VmdkTablePage.Unmapped => new DiskPlacement(offset, found, DiskExtentKind.Unmapped),
            VmdkTablePage.Zero => new DiskPlacement(offset, found, DiskExtentKind.Zero),
            _ when IsCompressed => new DiskPlacement(offset, found, DiskExtentKind.Data, -1, null, 0, true, 0),
            _ => new DiskPlacement(offset, found, DiskExtentKind.Data, first + within, Container, 0, false, 0),
        };
    }

    private int LoadedEnd(VmdkTablePage page, int index)
    {
        int table = index / EntriesPerTable;
        while (table < _tablesPerPage && (page.Loaded >> table & 1) != 0)
        {
            table++;
        }

        return table * EntriesPerTable;
    }

    private bool Continues(long first, long entry, int distance) =>
        first <= VmdkTablePage.Zero ? entry == first
        : IsCompressed ? entry > VmdkTablePage.Zero
        : entry == first + distance * GrainSize;
}
