using Microsoft.Extensions.Logging;

namespace CloudImage.Sdk.Formats;

/// <summary>How an image is opened. Immutable; the defaults suit files from anywhere.</summary>
public sealed class DiskOpenOptions
{
    /// <summary>The defaults.</summary>
    public static DiskOpenOptions Default { get; } = new();

    /// <summary>The format; null has it detected from header and footer.</summary>
    /// <value>The default value is <see langword="null"/>.</value>
    public DiskFormat? Format { get; init; }

    /// <summary>Whether a file in which no format is detected is taken as raw.</summary>
    /// <value>The default value is <see langword="true"/>.</value>
    public bool AllowRawFallback { get; init; } = true;

    /// <summary>Opens the files that an image names (parents, extents, data files); null opens none and only reports them.</summary>
    /// <value>The default value is <see langword="null"/>.</value>
    public BackingFileResolver? References { get; init; }

    /// <summary>Whether a parent that was not opened reads as zeros instead of being an error at the first read that needs it.</summary>
    /// <value>The default value is <see langword="false"/>.</value>
    public bool IgnoreMissingParent { get; init; }

    /// <summary>What reading may cost.</summary>
    /// <value>The default value is <see cref="DiskReadLimits.Untrusted"/>.</value>
    public DiskReadLimits Limits { get; init; } = DiskReadLimits.Untrusted;

    /// <summary>Name or id of a snapshot inside the container to open instead of the current state (qcow2).</summary>
    /// <value>The default value is <see langword="null"/>.</value>
    public string? InternalSnapshot { get; init; }

    /// <summary>The disk to open of a container that holds several (OVA): its file name or its number from 0.</summary>
    /// <value>The default value is <see langword="null"/>: the only one, or the first.</value>
    public string? DiskName { get; init; }

    /// <summary>The passphrase of an encrypted image.</summary>
    /// <value>The default value is <see langword="null"/>.</value>
    public string? Passphrase { get; init; }

    /// <summary>Whether damage that can be worked around (a lost footer, a wrong checksum beside intact tables) is, instead of refused.</summary>
    /// <value>The default value is <see langword="false"/>.</value>
    public bool IsLenient { get; init; }

    /// <summary>Whether an image that another process holds open for writing is opened all the same.</summary>
    /// <value>The default value is <see langword="false"/>.</value>
    public bool IgnoreLocks { get; init; }

    /// <summary>Whether the container stays open when the disk is disposed.</summary>
    /// <value>The default value is <see langword="false"/>.</value>
    public bool LeaveOpen { get; init; }

    /// <summary>Where log messages go; null sends them nowhere.</summary>
    /// <value>The default value is <see langword="null"/>.</value>
    public ILoggerFactory? LoggerFactory { get; init; }

    /// <summary>These options for a file that the image names: no format is detected, no snapshot or disk chosen, the container owned.</summary>
    internal DiskOpenOptions ForReference(DiskFormat format) => new()
    {
        Format = format,
        AllowRawFallback = false,
        References = References,
        IgnoreMissingParent = IgnoreMissingParent,
        Limits = Limits,
        Passphrase = Passphrase,
        IsLenient = IsLenient,
        IgnoreLocks = IgnoreLocks,
        LoggerFactory = LoggerFactory,
    };

    /// <summary>These options with an owned container, as for a file that the library itself has opened.</summary>
    internal DiskOpenOptions Owning() => !LeaveOpen ? this : new DiskOpenOptions
    {
        Format = Format,
        AllowRawFallback = AllowRawFallback,
        References = References,
        IgnoreMissingParent = IgnoreMissingParent,
        Limits = Limits,
        InternalSnapshot = InternalSnapshot,
        DiskName = DiskName,
        Passphrase = Passphrase,
        IsLenient = IsLenient,
        IgnoreLocks = IgnoreLocks,
        LoggerFactory = LoggerFactory,
    };

    /// <summary>Whether only headers are wanted: an encrypted image opens without its passphrase, and its content cannot be read.</summary>
    internal bool IsInspection { get; init; }

    /// <summary>These options for looking at the headers alone: the container stays open, no other file is opened.</summary>
    internal DiskOpenOptions ForInspection() => new()
    {
        IsInspection = true,
        Format = Format,
        AllowRawFallback = AllowRawFallback,
        Limits = Limits,
        DiskName = DiskName,
        IgnoreMissingParent = true,
        Passphrase = Passphrase,
        IsLenient = IsLenient,
        IgnoreLocks = IgnoreLocks,
        LeaveOpen = true,
        LoggerFactory = LoggerFactory,
    };

    /// <summary>These options for a check of one layer: the container stays its owner's, parents stay unopened.</summary>
    internal DiskOpenOptions ForCheck() => new()
    {
        References = References,
        Limits = Limits,
        IgnoreMissingParent = true,
        IgnoreLocks = IgnoreLocks,
        LeaveOpen = true,
        LoggerFactory = LoggerFactory,
    };
}
