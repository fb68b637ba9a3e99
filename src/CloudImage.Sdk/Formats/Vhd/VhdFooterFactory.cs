using System;

namespace CloudImage.Sdk.Formats.Vhd;

/// <summary>Makes the footer of a new image.</summary>
internal static class VhdFooterFactory
{
    private static readonly DateTimeOffset s_epoch = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>A footer that every program reads with the exact length: creator "win ", version 10.0, original size equal to current size.</summary>
    public static VhdFooter Make(long length, VhdDiskType type, VhdOptions options) => new()
    {
        DataOffset = type == VhdDiskType.Fixed ? ulong.MaxValue : VhdConstants.FooterLength,
        Timestamp = (uint)Math.Clamp((long)(options.TimeProvider.GetUtcNow() - s_epoch).TotalSeconds, 0, uint.MaxValue),
        OriginalSize = (ulong)length,
        CurrentSize = (ulong)length,
        Geometry = VhdGeometry.Of(length),
        Type = type,
        UniqueId = options.UniqueId ?? Guid.NewGuid(),
    };
}
