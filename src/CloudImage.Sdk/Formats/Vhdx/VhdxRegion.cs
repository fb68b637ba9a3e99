using System;

namespace CloudImage.Sdk.Formats.Vhdx;

/// <summary>An entry of the region table.</summary>
internal readonly struct VhdxRegion(Guid id, long fileOffset, long length, bool isRequired)
{
    public Guid Id { get; } = id;

    public long FileOffset { get; } = fileOffset;

    public long Length { get; } = length;

    public bool IsRequired { get; } = isRequired;

    public long End => FileOffset + Length;
}
