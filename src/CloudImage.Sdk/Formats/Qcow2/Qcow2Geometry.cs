using System;
using System.Numerics;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>The sizes that follow from the cluster size and the length of a disk. Immutable.</summary>
internal sealed class Qcow2Geometry
{
    public Qcow2Geometry(long length, int clusterSize, bool hasExtendedL2, int refcountBits)
    {
        Length = length;
        ClusterBits = BitOperations.Log2((uint)clusterSize);
        HasExtendedL2 = hasExtendedL2;
        RefcountOrder = BitOperations.Log2((uint)refcountBits);
        WordsPerEntry = hasExtendedL2 ? 2 : 1;
        L2Bits = ClusterBits - (hasExtendedL2 ? 4 : 3);
        Clusters = length == 0 ? 0 : ((length - 1) >> ClusterBits) + 1;
        long l1Entries = Clusters == 0 ? 0 : ((Clusters - 1) >> L2Bits) + 1;
        if (l1Entries * 8 > Qcow2Constants.MaxL1Length)
        {
            throw new ArgumentException($"A disk of {length} bytes is too long for clusters of {clusterSize} bytes: at most {(Qcow2Constants.MaxL1Length / 8) << (ClusterBits + L2Bits)} bytes. Use larger clusters.");
        }

        L1Entries = (int)l1Entries;
    }

    /// <summary>Length of the disk in bytes.</summary>
    public long Length { get; }

    public int ClusterBits { get; }

    public int ClusterSize => 1 << ClusterBits;

    public bool HasExtendedL2 { get; }

    public int RefcountOrder { get; }

    /// <summary>64-bit words of an L2 entry.</summary>
    public int WordsPerEntry { get; }

    /// <summary>Log2 of the entries of an L2 table.</summary>
    public int L2Bits { get; }

    /// <summary>Clusters that the disk has.</summary>
    public long Clusters { get; }

    public int L1Entries { get; }

    public int L1Clusters => (int)ClustersFor(L1Entries * 8L);

    /// <summary>The unit that is allocated as a whole: a subcluster, or a cluster.</summary>
    public int GranuleBits => HasExtendedL2 ? ClusterBits - 5 : ClusterBits;

    /// <summary>Reference counts in a refcount block.</summary>
    public long RefcountsPerBlock => (ClusterSize * 8L) >> RefcountOrder;

    /// <summary>Whole clusters for a number of bytes.</summary>
    public long ClustersFor(long length) => (length + ClusterSize - 1) >> ClusterBits;

    /// <summary>The refcount blocks and table clusters that cover a number of clusters and themselves.</summary>
    public (long Blocks, long TableClusters) RefcountClusters(long clusters)
    {
        long blocks = 0;
        long table = 0;
        while (true)
        {
            long total = clusters + blocks + table;
            long nextBlocks = (total + RefcountsPerBlock - 1) / RefcountsPerBlock;
            long nextTable = ClustersFor(nextBlocks * 8);
            if (nextBlocks == blocks && nextTable == table)
            {
                return (blocks, table);
            }

            blocks = nextBlocks;
            table = nextTable;
        }
    }
}
