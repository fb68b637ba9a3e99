using System;
using CloudImage.Sdk.Formats;

namespace CloudImage.Sdk.OpenStack.Glance;

/// <summary>The formats by Glance's names.</summary>
internal static class GlanceFormats
{
    /// <summary>Glance's names for what a format is: of the disk and of what it is wrapped in.</summary>
    /// <exception cref="ArgumentException">Glance has no name for the format.</exception>
    internal static (string DiskFormat, string ContainerFormat) NamesOf(DiskFormat format) => format.Name switch
    {
        "raw" or "qcow2" or "vmdk" or "vdi" or "vhd" or "vhdx" => (format.Name, "bare"),
        "ova" => ("vmdk", "ova"),
        _ => throw new ArgumentException($"Glance has no name for the format {format.Name}: raw, qcow2, vmdk, vdi, vhd, vhdx or ova was expected."),
    };

    /// <summary>The format that an image is said to have; null where it is said to have none that is read here.</summary>
    internal static DiskFormat? Declared(GlanceImage image) => (image.ContainerFormat, image.DiskFormat) switch
    {
        ("ova", _) => DiskFormatRegistry.Default.Find("ova"),
        ("bare", "ami" or "ari" or "aki") => DiskFormatRegistry.Default.Find("raw"),
        ("bare", { } name) => DiskFormatRegistry.Default.Find(name),
        _ => null,
    };
}
