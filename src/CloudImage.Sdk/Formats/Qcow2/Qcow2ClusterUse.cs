namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>What a cluster of a container is used as.</summary>
internal enum Qcow2ClusterUse
{
    /// <summary>Nothing refers to it.</summary>
    None = 0,

    /// <summary>Content of the disk, plain or compressed; snapshots may share it.</summary>
    Data = 1,

    /// <summary>An L2 table; snapshots may share it.</summary>
    L2Table = 2,

    /// <summary>Header, L1 table, refcounts, lists: nothing else may refer to it.</summary>
    Exclusive = 3,
}
