namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>One extent line of a descriptor, as it stands there.</summary>
internal sealed class VmdkExtentLine
{
    /// <summary>RW, RDONLY or NOACCESS.</summary>
    public required string Access { get; init; }

    public required long Sectors { get; init; }

    /// <summary>FLAT, SPARSE, ZERO, VMFS, VMFSSPARSE, VMFSRDM, VMFSRAW or SESPARSE, in capitals.</summary>
    public required string Type { get; init; }

    /// <summary>The file, untrusted; empty where the line has none.</summary>
    public string FileName { get; init; } = string.Empty;

    /// <summary>Where the extent begins in a flat file, in sectors.</summary>
    public long FirstSector { get; init; }

    /// <summary>Position of the line in its file, in bytes, for messages.</summary>
    public long FileOffset { get; init; }

    public bool IsFlat => Type is "FLAT" or "VMFS";

    public bool IsSparse => Type is "SPARSE" or "VMFSSPARSE" or "SESPARSE";

    public bool IsZero => Type == "ZERO";
}
