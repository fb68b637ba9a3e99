using System.Threading;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>The pages that were used last, bounded in number. Pages are immutable once they are in it.</summary>
internal sealed class VmdkTableCache
{
    // 256 pages of 64 KiB: 16 MiB, which map 256 GiB of a hosted extent.
    private readonly VmdkTablePage?[] _slots = new VmdkTablePage?[256];

    public VmdkTablePage? Find(VmdkSparseExtent extent, long index)
    {
        VmdkTablePage? page = Volatile.Read(ref _slots[SlotOf(extent, index)]);
        return page is not null && page.Index == index && ReferenceEquals(page.Extent, extent) ? page : null;
    }

    public void Add(VmdkTablePage page) => Volatile.Write(ref _slots[SlotOf(page.Extent, page.Index)], page);

    private int SlotOf(VmdkSparseExtent extent, long index) => (int)((ulong)(index + extent.CacheSeed) % (ulong)_slots.Length);
}
