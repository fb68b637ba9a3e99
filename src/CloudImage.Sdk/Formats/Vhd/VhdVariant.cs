namespace CloudImage.Sdk.Formats.Vhd;

/// <summary>How a VHD image lays out its disk.</summary>
public enum VhdVariant
{
    /// <summary>Blocks are stored when they hold data.</summary>
    Dynamic = 0,

    /// <summary>The whole disk byte for byte, then a footer: what Azure takes.</summary>
    Fixed = 1,
}
