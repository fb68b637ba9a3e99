using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>One persistent dirty bitmap inside an image.</summary>
internal sealed class Qcow2Bitmap
{
    private const uint InUse = 1;
    private const uint Auto = 2;

    public required string Name { get; init; }

    public required long TableOffset { get; init; }

    public required int TableEntries { get; init; }

    public required uint Flags { get; init; }

    public required byte Type { get; init; }

    public required int GranularityBits { get; init; }

    public required bool HasExtraData { get; init; }

    public bool IsInUse => (Flags & InUse) != 0;

    public DiskBitmapInfo Describe() => new()
    {
        Name = Name,
        Granularity = 1L << GranularityBits,
        IsEnabled = (Flags & Auto) != 0,
        IsInconsistent = IsInUse,
    };
}
