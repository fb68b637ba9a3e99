using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vhd;

/// <summary>The Virtual Hard Disk format of Virtual PC, Hyper-V and Azure: fixed, dynamic and differencing disks.</summary>
/// <remarks>Follows the Virtual Hard Disk Image Format Specification, version 1.0.</remarks>
public sealed class VhdFormat : DiskFormat
{
    private VhdFormat()
    {
    }

    /// <summary>The format.</summary>
    public static VhdFormat Instance { get; } = new();

    /// <inheritdoc/>
    public override string Name => VhdConstants.FormatName;

    /// <inheritdoc/>
    public override string Description => "Virtual Hard Disk (Virtual PC, Hyper-V, Azure)";

    /// <inheritdoc/>
    public override IReadOnlyList<string> FileExtensions { get; } = [".vhd", ".avhd", ".vpc"];

    /// <inheritdoc/>
    public override bool CanCreate => true;

    /// <inheritdoc/>
    public override bool CanCheck => true;

    /// <inheritdoc/>
    public override bool CanResize => true;

    /// <summary>Makes the footer that turns a disk's bytes into a fixed VHD when it is put behind them: for uploads that write the disk in place, such as to a page blob.</summary>
    /// <param name="length">Length of the disk in bytes: whole sectors of 512 bytes; Azure asks for whole MiB.</param>
    /// <param name="options">Id and clock; the variant does not matter.</param>
    /// <returns>512 bytes.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative, no whole number of sectors, or longer than a fixed VHD can be.</exception>
    public static byte[] CreateFixedFooter(long length, VhdOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfNotEqual(length % VhdConstants.SectorSize, 0, nameof(length));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, VhdConstants.MaxFixedLength);
        return VhdFooterFactory.Make(length, VhdDiskType.Fixed, options).ToArray();
    }

    /// <inheritdoc/>
    public override bool IsMatch(in DiskProbe probe)
    {
        ReadOnlySpan<byte> footer = probe.Footer;
        return probe.Header.StartsWith(VhdConstants.FooterCookie)
            || IsCookieAt(footer, VhdConstants.FooterLength)
            || IsCookieAt(footer, VhdConstants.OldFooterLength);
    }

    /// <inheritdoc/>
    /// <remarks>The settings are "subformat" (dynamic, fixed), "force_size" (off, on: the exact length also for a fixed disk, which is otherwise rounded up to whole MiB) and "block_size" (bytes).</remarks>
    public override DiskCreateOptions ParseOptions(IReadOnlyDictionary<string, string> settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        VhdVariant variant = VhdVariant.Dynamic;
        bool? alignToMebibyte = null;
        int blockSize = VhdConstants.DefaultBlockSize;
        foreach ((string name, string value) in settings)
        {
            switch (name)
            {
                case "subformat":
                    variant = value switch
                    {
                        // A differencing disk is a dynamic one with a parent, which is named elsewhere.
                        "dynamic" or "differencing" => VhdVariant.Dynamic,
                        "fixed" => VhdVariant.Fixed,
                        _ => throw Unknown(name, value, "dynamic, fixed, differencing"),
                    };
                    break;
                case "force_size":
                    alignToMebibyte = value switch { "on" or "true" => false, "off" or "false" => null, _ => throw Unknown(name, value, "on, off") };
                    break;
                case "block_size":
                    blockSize = value switch { "2M" or "2097152" => 2 << 20, "512K" or "524288" => 512 << 10, _ => throw Unknown(name, value, "2M, 512K") };
                    break;
                default:
                    throw new ArgumentException($"The format vhd has no option '{name}'; it has subformat, force_size, block_size.", nameof(settings));
            }
        }

        return new VhdOptions { Variant = variant, AlignToMebibyte = alignToMebibyte, BlockSize = blockSize };
    }

    /// <inheritdoc/>
    protected override async ValueTask<VirtualDisk> OpenCoreAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        VhdImage image = await VhdImage.LoadAsync(container, options.IsLenient, options.Limits, mode, cancellationToken).ConfigureAwait(false);
        return new VhdDisk(container, image, options);
    }

    /// <inheritdoc/>
    protected override DiskWriter CreateCore(ImageSink sink, long length, DiskCreateOptions options)
    {
        ArgumentNullException.ThrowIfNull(sink);
        if (options is not VhdOptions vhd)
        {
            throw new ArgumentException($"The options are of the class {options?.GetType().Name}, not {nameof(VhdOptions)}.", nameof(options));
        }

        long alignment = vhd.IsMebibyteAligned ? 1 << 20 : VhdConstants.SectorSize;
        long limit = vhd.Variant == VhdVariant.Fixed ? VhdConstants.MaxFixedLength : VhdConstants.MaxDynamicLength;
        if (length > limit)
        {
            throw new ArgumentException($"A {vhd.Variant} VHD has at most {limit >> 30} GiB, and {length} bytes were asked for. VHDX has room for 64 TiB.", nameof(length));
        }

        long rounded = (length + alignment - 1) / alignment * alignment;
        return vhd.Variant switch
        {
            VhdVariant.Fixed when vhd.Parent is null => new VhdFixedWriter(sink, rounded, vhd),
            VhdVariant.Dynamic => new VhdDiskWriter(sink, rounded, vhd),
            VhdVariant.Fixed => throw new ArgumentException("A fixed disk has no parent; a differencing disk is a dynamic one.", nameof(options)),
            _ => throw new ArgumentException($"The variant {vhd.Variant} is not known.", nameof(options)),
        };
    }

    /// <inheritdoc/>
    protected override ValueTask<DiskCheckResult> CheckCoreAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken) =>
        VhdChecker.CheckAsync(container, options, mode, cancellationToken);

    /// <inheritdoc/>
    protected override void ResizeCore(ImageEditor image, long length, DiskResizeOptions options) => VhdResizer.Resize(image, length, options);

    /// <inheritdoc/>
    protected internal override async ValueTask AddConcernsAsync(VirtualDisk disk, VirtualDisk container, ICollection<DiskConcern> concerns, IoMode mode, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(disk);
        ArgumentNullException.ThrowIfNull(container);
        ArgumentNullException.ThrowIfNull(concerns);
        if (disk.Info.Variant != "fixed" || container.Length < VhdConstants.FooterLength)
        {
            return;
        }

        byte[] head = new byte[VhdConstants.FooterLength];
        await container.ReadAsync(head, 0, mode, cancellationToken).ConfigureAwait(false);
        if (VhdFooter.Read(head) is not null)
        {
            concerns.Add(new DiskConcern("ambiguous-footer", "The footer says that the disk is fixed, and its first sector, which a guest can write, looks like the header of a dynamic one: programs that look there first read another disk."));
        }
    }

    private static bool IsCookieAt(ReadOnlySpan<byte> footer, int fromEnd) =>
        footer.Length >= fromEnd && footer[^fromEnd..].StartsWith(VhdConstants.FooterCookie);

    private static ArgumentException Unknown(string name, string value, string known) =>
        new($"The option {name} of the format vhd cannot be '{value}'; known are {known}.", nameof(value));
}
