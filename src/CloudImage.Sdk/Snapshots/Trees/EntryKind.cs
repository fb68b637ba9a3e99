namespace CloudImage.Sdk.Snapshots.Trees;

/// <summary>What an entry of a node stands for. The numbers are stored, in two bits.</summary>
internal enum EntryKind : byte
{
    /// <summary>Zeros, all of it; also what lies behind the end of the disk.</summary>
    Zero = 0,

    /// <summary>Something stored: a chunk under a leaf, a node under an inner node.</summary>
    Stored = 1,

    /// <summary>Nothing: what lies under the layer shows through. Legal in layers alone.</summary>
    Absent = 2,
}
