using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vhdx;

/// <summary>The VHDX format of Hyper-V: fixed, dynamic and differencing disks up to 64 TiB.</summary>
/// <remarks>Follows MS-VHDX. Reading never writes: a log that was left is replayed in memory.</remarks>
public sealed class VhdxFormat : DiskFormat
{
    private VhdxFormat()
    {
    }

    /// <summary>The format.</summary>
    public static VhdxFormat Instance { get; } = new();

    /// <inheritdoc/>
    public override string Name => VhdxConstants.FormatName;

    /// <inheritdoc/>
    public override string Description => "Virtual Hard Disk version 2 (Hyper-V)";

    /// <inheritdoc/>
    public override IReadOnlyList<string> FileExtensions { get; } = [".vhdx", ".avhdx"];

    /// <inheritdoc/>
    public override bool CanCreate => true;

    /// <inheritdoc/>
    public override bool CanCheck => true;

    /// <inheritdoc/>
    public override bool CanResize => true;

    /// <inheritdoc/>
    public override bool IsMatch(in DiskProbe probe) => probe.Header.StartsWith(VhdxConstants.FileSignature);

    /// <inheritdoc/>
    /// <remarks>The settings are "subformat" (dynamic, fixed), "block_size" and "log_size" (bytes, with K, M or G), "block_state_zero" (on, off), "logical_sector_size" and "physical_sector_size" (512, 4096).</remarks>
    public override DiskCreateOptions ParseOptions(IReadOnlyDictionary<string, string> settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        VhdxVariant variant = VhdxVariant.Dynamic;
        int blockSize = 0;
        int logSize = VhdxConstants.MiB;
        bool usesZeroState = true;
        int logicalSectorSize = 512;
        int physicalSectorSize = 4096;
        foreach ((string name, string value) in settings)
        {
            switch (name)
            {
                case "subformat":
                    variant = value switch { "dynamic" => VhdxVariant.Dynamic, "fixed" => VhdxVariant.Fixed, _ => throw Unknown(name, value, "dynamic, fixed") };
                    break;
                case "block_size":
                    blockSize = ParseSize(name, value);
                    break;
                case "log_size":
                    logSize = ParseSize(name, value);
                    break;
                case "block_state_zero":
                    usesZeroState = value switch { "on" or "true" => true, "off" or "false" => false, _ => throw Unknown(name, value, "on, off") };
                    break;
                case "logical_sector_size":
                    logicalSectorSize = ParseSize(name, value);
                    break;
                case "physical_sector_size":
                    physicalSectorSize = ParseSize(name, value);
                    break;
                default:
                    throw new ArgumentException($"The format vhdx has no option '{name}'; it has subformat, block_size, log_size, block_state_zero, logical_sector_size, physical_sector_size.", nameof(settings));
            }
        }

        VhdxOptions options = new()
        {
            Variant = variant,
            BlockSize = blockSize,
            LogSize = logSize,
            UseZeroBlockState = usesZeroState,
            LogicalSectorSize = logicalSectorSize,
            PhysicalSectorSize = physicalSectorSize,
        };
        options.Validate();
        return options;
    }

    /// <inheritdoc/>
    protected override async ValueTask<VirtualDisk> OpenCoreAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        VhdxImage image = await VhdxImage.LoadAsync(container, options, mode, cancellationToken).ConfigureAwait(false);
        return new VhdxDisk(image, options);
    }

    /// <inheritdoc/>
    protected override DiskWriter CreateCore(ImageSink sink, long length, DiskCreateOptions options)
    {
        ArgumentNullException.ThrowIfNull(sink);
        if (options is not VhdxOptions vhdx)
        {
            throw new ArgumentException($"The options are of the class {options?.GetType().Name}, not {nameof(VhdxOptions)}.", nameof(options));
        }

        vhdx.Validate();
        if (length > VhdxConstants.MaxLength)
        {
            throw new ArgumentException($"A VHDX has at most 64 TiB, and {length} bytes were asked for.", nameof(length));
        }

        if (vhdx.Parent is not null && vhdx.Variant == VhdxVariant.Fixed)
        {
            throw new ArgumentException("A fixed disk has no parent; a differencing disk is a dynamic one.", nameof(options));
        }

        if (sink.IsSequential)
        {
            throw new NotSupportedException("A VHDX has its block table in front and cannot be written to a pipe.");
        }

        return new VhdxDiskWriter(sink, VhdxConstants.Align(length, vhdx.LogicalSectorSize), vhdx);
    }

    /// <inheritdoc/>
    protected override ValueTask<DiskCheckResult> CheckCoreAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken) =>
        VhdxChecker.CheckAsync(container, options, mode, cancellationToken);

    /// <inheritdoc/>
    protected override void ResizeCore(ImageEditor image, long length, DiskResizeOptions options) => VhdxResizer.Resize(image, length, options);

    private static int ParseSize(string name, string value) => SizeText.TryParse(value, out int size)
        ? size
        : throw Unknown(name, value, "a number of bytes, with K, M or G, below 2 GiB");

    private static ArgumentException Unknown(string name, string value, string known) =>
        new($"The option {name} of the format vhdx cannot be '{value}'; known are {known}.", nameof(value));
}
