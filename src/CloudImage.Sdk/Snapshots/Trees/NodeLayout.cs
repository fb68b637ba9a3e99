using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots.Packs;

namespace CloudImage.Sdk.Snapshots.Trees;

/// <summary>Places and lengths in the stored form of a node, as FORMAT.md describes it: header, kinds, table of packs, entries, patches, reach lists, checksum.</summary>
internal static class NodeLayout
{
    /// <summary>Of the version 0: "CIN0" in little-endian order.</summary>
    public const uint Magic = 0x304e4943;

    /// <summary>Beside the kinds of <see cref="EntryKind"/>, of two bits each: stored, as a patch.</summary>
    public const int PatchedKind = 3;

    public const int KindsOffset = 12;
    public const int KindsLength = TreeGeometry.FanOut / 4;
    public const int TableOffset = KindsOffset + KindsLength;

    /// <summary>A digest, and a place: slot in the table, offset, length.</summary>
    public const int EntryLength = ContentDigest.SizeInBytes + PlaceLength;

    /// <summary>The digests of the patch and of its base, and the base's place.</summary>
    public const int PatchLength = (2 * ContentDigest.SizeInBytes) + PlaceLength;

    public const int ChecksumLength = sizeof(ulong);
    private const int PlaceLength = sizeof(ushort) + sizeof(uint) + sizeof(uint);

    /// <summary>The two bits of an entry.</summary>
    public static int KindAt(System.ReadOnlySpan<byte> kinds, int index) => (kinds[index >> 2] >> (2 * (index & 3))) & 3;
}
