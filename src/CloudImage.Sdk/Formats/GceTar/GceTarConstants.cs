using System;

namespace CloudImage.Sdk.Formats.GceTar;

/// <summary>What Compute Engine asks of an image archive, and how this library lays one out.</summary>
internal static class GceTarConstants
{
    public const string Name = "gce";

    /// <summary>The one member that an archive has.</summary>
    public const string DiskName = "disk.raw";

    /// <summary>Disks are a whole number of these.</summary>
    public const long Gigabyte = 1L << 30;

    /// <summary>Plain bytes of one gzip member, and the unit of the sparse map: small enough to read at random, large enough to compress well.</summary>
    public const int BlockSize = 256 << 10;

    /// <summary>Archives end on a whole record, as GNU tar writes them.</summary>
    public const int RecordSize = 10240;

    /// <summary>The time that members bear (1980-01-01): equal disks give equal archives.</summary>
    public const long MemberTime = 315532800;

    /// <summary>The length of the disk in the archive: a whole number of units, at least one.</summary>
    public static long ArchivedLength(long length, long unit) => checked(Math.Max(1, (length + unit - 1) / unit) * unit);
}
