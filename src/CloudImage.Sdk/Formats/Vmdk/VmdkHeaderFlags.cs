using System;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>Flags of a hosted sparse header.</summary>
[Flags]
internal enum VmdkHeaderFlags : uint
{
    None = 0,

    /// <summary>The four newline characters are there, to show damage by a transfer as text.</summary>
    NewLineTest = 1,

    /// <summary>The redundant grain directory is kept.</summary>
    RedundantDirectory = 2,

    /// <summary>A grain table entry of 1 reads as zeros.</summary>
    ZeroedGrains = 4,

    /// <summary>Grains are compressed.</summary>
    Compressed = 1 << 16,

    /// <summary>Grains and tables have markers in front of them.</summary>
    Markers = 1 << 17,
}
