namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>The L2 tables of an image that is being written, in the machine's byte order; tables come with their first entry.</summary>
internal sealed class Qcow2L2Map
{
    private readonly Qcow2Geometry _geometry;
    private readonly ulong[]?[] _tables;

    public Qcow2L2Map(Qcow2Geometry geometry)
    {
        _geometry = geometry;
        _tables = new ulong[]?[geometry.L1Entries];
    }

    /// <summary>The entry of a cluster of the disk.</summary>
    public ulong this[long cluster]
    {
        get => _tables[cluster >> _geometry.L2Bits] is { } table ? table[WordOf(cluster)] : 0;
        set => Table(cluster)[WordOf(cluster)] = value;
    }

    /// <summary>The table of an L1 entry; null where it has none.</summary>
    public ulong[]? TableAt(int index) => _tables[index];

    /// <summary>The subcluster bitmap of a cluster, with extended entries.</summary>
    public ulong Bitmap(long cluster) => _tables[cluster >> _geometry.L2Bits] is { } table ? table[WordOf(cluster) + 1] : 0;

    public void SetBitmap(long cluster, ulong bitmap) => Table(cluster)[WordOf(cluster) + 1] = bitmap;

    private ulong[] Table(long cluster) =>
        _tables[cluster >> _geometry.L2Bits] ??= new ulong[_geometry.WordsPerEntry << _geometry.L2Bits];

    private int WordOf(long cluster) => (int)(cluster & ((1L << _geometry.L2Bits) - 1)) * _geometry.WordsPerEntry;
}
