using static CloudImage.Sdk.Formats.Qcow2.Qcow2Constants;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>The L2 entry of a compressed cluster: where its bytes begin, and how many sectors they touch.</summary>
internal static class Qcow2CompressedDescriptor
{
    private const int SectorLength = 512;

    /// <summary>Where the compressed bytes begin, and how many there are at most.</summary>
    public static (long FileOffset, int Length) Decode(ulong entry, int clusterBits)
    {
        int offsetBits = 62 - (clusterBits - 8);
        long fileOffset = (long)(entry & ((1UL << offsetBits) - 1));
        int additionalSectors = (int)((entry & ~(CopiedFlag | CompressedFlag)) >> offsetBits);
        return (fileOffset, ((additionalSectors + 1) * SectorLength) - (int)(fileOffset & (SectorLength - 1)));
    }

    /// <summary>Whether a position can be named by a descriptor.</summary>
    public static bool CanEncode(long fileOffset, int clusterBits) => fileOffset >>> (62 - (clusterBits - 8)) == 0;

    /// <summary>Makes the entry for compressed bytes at a position.</summary>
    public static ulong Encode(long fileOffset, int length, int clusterBits)
    {
        int offsetBits = 62 - (clusterBits - 8);
        long additionalSectors = ((fileOffset + length - 1) / SectorLength) - (fileOffset / SectorLength);
        return CompressedFlag | (ulong)fileOffset | ((ulong)additionalSectors << offsetBits);
    }
}
