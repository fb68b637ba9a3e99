using System;

namespace CloudImage.Sdk.Formats;

/// <summary>Formats that are recognised so that an error can name them, and are not opened.</summary>
internal static class ForeignFormats
{
    private const int IsoMarkOffset = 0x8001;

    /// <summary>Names the foreign format whose marks a container bears; null where there is none.</summary>
    public static string? Name(in DiskProbe probe)
    {
        ReadOnlySpan<byte> header = probe.Header;
        if (header.StartsWith("QED\0"u8))
        {
            return "QED (qemu enhanced disk)";
        }

        if (header.StartsWith("WithoutFreeSpace"u8) || header.StartsWith("WithouFreSpacExt"u8))
        {
            return "Parallels HDD";
        }

        if (header.StartsWith(LuksMark))
        {
            return "LUKS";
        }

        if (header.Length >= IsoMarkOffset + 5 && header[IsoMarkOffset..].StartsWith("CD001"u8))
        {
            return "ISO 9660";
        }

        if (probe.Footer.Length >= 512 && probe.Footer[^512..].StartsWith("koly"u8))
        {
            return "DMG (Apple disk image)";
        }

        return null;
    }

    private static ReadOnlySpan<byte> LuksMark => [0x4c, 0x55, 0x4b, 0x53, 0xba, 0xbe];
}
