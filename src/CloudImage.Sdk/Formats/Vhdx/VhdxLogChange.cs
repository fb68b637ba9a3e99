using System;

namespace CloudImage.Sdk.Formats.Vhdx;

/// <summary>A change that a log entry makes to the file: a page of 4 KiB, or a range of zeros.</summary>
internal readonly struct VhdxLogChange(long fileOffset, long length, byte[]? page)
{
    public long FileOffset { get; } = fileOffset;

    public long Length { get; } = length;

    /// <summary>The bytes; null for zeros.</summary>
    public byte[]? Page { get; } = page;

    public long End => FileOffset + Length;
}
