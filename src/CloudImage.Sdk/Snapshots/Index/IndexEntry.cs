using System;

namespace CloudImage.Sdk.Snapshots.Index;

/// <summary>An entry of a segment: the key, the pack by its number in the segment's own table, and the slot in that pack.</summary>
internal readonly record struct IndexEntry(ChunkKey Key, int Pack, int Slot) : IComparable<IndexEntry>
{
    public int CompareTo(IndexEntry other)
    {
        int order = Key.CompareTo(other.Key);
        order = order != 0 ? order : Pack.CompareTo(other.Pack);
        return order != 0 ? order : Slot.CompareTo(other.Slot);
    }
}
