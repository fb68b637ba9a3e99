using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Ova;

/// <summary>Chooses a disk of a descriptor, and the format of its file.</summary>
internal static class OvaDiskChoice
{
    /// <summary>The disk that is meant: by id, by the name of its file, or by number.</summary>
    public static OvfDisk Choose(OvfDescriptor descriptor, string? name)
    {
        IReadOnlyList<OvfDisk> disks = descriptor.Disks;
        if (disks.Count == 0)
        {
            throw new DiskFormatException(OvaConstants.Name, 0, "The descriptor lists no disk.");
        }

        // Without a name the first disk that holds something is meant: an empty one beside it is scratch space.
        OvfDisk? disk = name is null
            ? disks.FirstOrDefault(static disk => disk.File is not null) ?? disks[0]
            : disks.FirstOrDefault(disk => disk.Id == name || disk.File?.Name == name) ?? ByNumber(disks, name);
        if (disk is null)
        {
            throw new DiskReferenceException($"The package has no disk '{name}'; it has {string.Join(", ", disks.Take(20).Select(static (disk, index) => $"{index}: {disk}"))}.");
        }

        if (disk.ParentId is { } parent)
        {
            throw new UnsupportedDiskFeatureException(OvaConstants.Name, 0, "parentRef", $"Disk '{disk.Id}' holds the difference to disk '{parent}', which is not supported.");
        }

        return disk.File?.Compression is null or "gzip" ? disk : throw new UnsupportedDiskFeatureException(
            OvaConstants.Name, 0, disk.File.Compression, $"The file '{disk.File.Name}' is compressed with '{disk.File.Compression}'; gzip is supported.");
    }

    /// <summary>The longest file that a disk can need: its content stored as it is, and tables.</summary>
    public static long MaxFileLength(long capacity) => Math.Min(capacity, long.MaxValue / 2) + (capacity / 8) + (64L << 20);

    /// <summary>The format of a disk's file: what the file bears the marks of. The descriptor's word decides where there are several.</summary>
    /// <remarks>Producers name the VMDK format for whatever they ship. Raw is never assumed: its first sector could choose another format.</remarks>
    public static async ValueTask<DiskFormat> DetectAsync(OvfDisk disk, VirtualDisk bytes, IoMode mode, CancellationToken cancellationToken) =>
        Decide(disk, await DiskFormatRegistry.Default.DetectAsync(bytes, mode, cancellationToken).ConfigureAwait(false));

    /// <summary>As <see cref="DetectAsync"/>, from the first bytes of the file.</summary>
    public static DiskFormat Detect(OvfDisk disk, ReadOnlySpan<byte> header, long length) =>
        Decide(disk, DiskFormatRegistry.Default.DetectHeader(header, length));

    private static DiskFormat Decide(OvfDisk disk, IReadOnlyList<DiskFormat> matches)
    {
        // A package within a package would never end.
        DiskFormat[] usable = [.. matches.Where(static format => format.CanOpen && format.Name != OvaConstants.Name)];
        if (usable.Length == 1)
        {
            return usable[0];
        }

        return Array.Find(usable, format => disk.FormatUri?.Contains(format.Name, StringComparison.OrdinalIgnoreCase) == true)
            ?? throw new UnsupportedDiskFeatureException(OvaConstants.Name, 0, disk.FormatUri ?? "format", $"The file '{disk.File?.Name}' of disk '{disk.Id}' (declared as '{disk.FormatUri}') is in no disk format that is supported here.");
    }

    private static OvfDisk? ByNumber(IReadOnlyList<OvfDisk> disks, string name) =>
        int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number < disks.Count ? disks[number] : null;
}
