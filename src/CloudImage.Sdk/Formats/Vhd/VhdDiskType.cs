namespace CloudImage.Sdk.Formats.Vhd;

/// <summary>The disk type field of a footer.</summary>
internal enum VhdDiskType
{
    None = 0,
    Fixed = 2,
    Dynamic = 3,
    Differencing = 4,
}
