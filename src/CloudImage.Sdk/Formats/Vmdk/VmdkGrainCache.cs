using System;
using System.Threading;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>Grains that were inflated for a read of a part of them, so that the next part costs a copy. Bounded: about 4 MiB.</summary>
internal sealed class VmdkGrainCache
{
    private const int MaxBytes = 4 << 20;
    private readonly Entry?[] _slots = new Entry?[64];

    public byte[]? Find(VmdkSparseExtent extent, long grain)
    {
        Entry? entry = Volatile.Read(ref _slots[SlotOf(extent, grain)]);
        return entry is not null && entry.Grain == grain && ReferenceEquals(entry.Extent, extent) ? entry.Content : null;
    }

    public void Add(VmdkSparseExtent extent, long grain, byte[] content) =>
        Volatile.Write(ref _slots[SlotOf(extent, grain)], new Entry(extent, grain, content));

    private int SlotOf(VmdkSparseExtent extent, long grain)
    {
        int slots = (int)Math.Clamp(MaxBytes / extent.GrainSize, 1, _slots.Length);
        return (int)(grain % slots);
    }

    private sealed class Entry
    {
        public Entry(VmdkSparseExtent extent, long grain, byte[] content)
        {
            Extent = extent;
            Grain = grain;
            Content = content;
        }

        public VmdkSparseExtent Extent { get; }

        public long Grain { get; }

        public byte[] Content { get; }
    }
}
