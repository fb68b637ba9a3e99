using System;
using System.Threading;

namespace CloudImage.Sdk.Formats.Vdi;

/// <summary>The map of an image that is being written: pages are made when they are first needed, so that a sparse disk costs little.</summary>
internal sealed class VdiBlockMap
{
    public const int EntriesPerPage = 16384;
    private readonly uint[]?[] _pages;

    public VdiBlockMap(uint count)
    {
        Count = count;
        _pages = new uint[]?[(int)((count + (long)EntriesPerPage - 1) / EntriesPerPage)];
    }

    public uint Count { get; }

    public uint Get(long block) =>
        Volatile.Read(ref _pages[block / EntriesPerPage]) is { } page ? Volatile.Read(ref page[block % EntriesPerPage]) : VdiConstants.Unallocated;

    /// <summary>Sets an entry. One caller at a time.</summary>
    public void Set(long block, uint entry)
    {
        ref uint[]? slot = ref _pages[block / EntriesPerPage];
        uint[]? page = slot;
        if (page is null)
        {
            page = new uint[EntriesPerPage];
            page.AsSpan().Fill(VdiConstants.Unallocated);
            Volatile.Write(ref slot, page);
        }

        Volatile.Write(ref page[block % EntriesPerPage], entry);
    }

    /// <summary>Whether any block of the page that begins at a block was set.</summary>
    public bool HasPage(long block) => _pages[block / EntriesPerPage] is not null;
}
