namespace CloudImage.Sdk.Formats.Vhdx;

/// <summary>How a VHDX image lays out its disk.</summary>
public enum VhdxVariant
{
    /// <summary>Blocks are stored when they hold data.</summary>
    Dynamic = 0,

    /// <summary>Every block has its place from the start.</summary>
    Fixed = 1,
}
