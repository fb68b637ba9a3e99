using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>VMware virtual disks: sparse, streamOptimized, flat and split images, ESX snapshots and seSparse extents.</summary>
public sealed class VmdkFormat : DiskFormat
{
    private static readonly string[] s_settings = ["adapter_type", "backing_file", "backing_fmt", "compat6", "hwversion", "subformat", "toolsversion", "zeroed_grain"];

    private VmdkFormat()
    {
    }

    /// <summary>The format.</summary>
    public static VmdkFormat Instance { get; } = new();

    /// <inheritdoc/>
    public override string Name => VmdkConstants.FormatName;

    /// <inheritdoc/>
    public override string Description => "VMware virtual disk";

    /// <inheritdoc/>
    public override IReadOnlyList<string> FileExtensions { get; } = [".vmdk"];

    /// <inheritdoc/>
    public override bool CanCreate => true;

    /// <inheritdoc/>
    public override bool CanCheck => true;

    /// <inheritdoc/>
    public override bool CanResize => true;

    /// <inheritdoc/>
    public override bool CanReadSequentially => true;

    /// <inheritdoc/>
    public override bool IsMatch(in DiskProbe probe) =>
        VmdkHeader.HasMagic(probe.Header) || VmdkCowdExtent.HasMagic(probe.Header) || VmdkSeSparseHeader.HasMagic(probe.Header)
        || VmdkDescriptor.IsMatch(probe.Header);

    /// <inheritdoc/>
    public override DiskCreateOptions ParseOptions(IReadOnlyDictionary<string, string> settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        foreach (string name in settings.Keys)
        {
            if (Array.IndexOf(s_settings, name) < 0)
            {
                throw new ArgumentException($"The format vmdk has no option '{name}'; it has {string.Join(", ", s_settings)}.", nameof(settings));
            }
        }

        if (settings.TryGetValue("backing_fmt", out string? backingFormat) && backingFormat != VmdkConstants.FormatName)
        {
            throw new ArgumentException($"The parent of a vmdk is a vmdk; backing_fmt is '{backingFormat}'.", nameof(settings));
        }

        bool isCompat6 = ParseSwitch(settings, "compat6");
        return new VmdkOptions
        {
            Subformat = ParseSubformat(settings.GetValueOrDefault("subformat", "monolithicSparse")),
            AdapterType = settings.GetValueOrDefault("adapter_type"),
            HardwareVersion = ParseHardwareVersion(settings, isCompat6),
            UseZeroedGrains = ParseSwitch(settings, "zeroed_grain"),
            Parent = settings.TryGetValue("backing_file", out string? parent)
                ? new DiskReference(DiskReferenceKind.Parent, parent) { FormatName = VmdkConstants.FormatName }
                : null,
        };
    }

    /// <inheritdoc/>
    protected override ValueTask<VirtualDisk> OpenCoreAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken) =>
        VmdkOpener.OpenAsync(container, options, mode, cancellationToken);

    /// <inheritdoc/>
    protected override ValueTask<SequentialDiskSource> OpenSequentialCoreAsync(Stream stream, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken) =>
        VmdkStreamSource.OpenAsync(stream, options, mode, cancellationToken);

    /// <inheritdoc/>
    protected override DiskWriter CreateCore(ImageSink sink, long length, DiskCreateOptions options)
    {
        VmdkOptions vmdk = options as VmdkOptions ?? throw new ArgumentException($"The options are of the format {options.Format}; VmdkOptions were expected.", nameof(options));
        if (vmdk.Subformat == VmdkSubformat.StreamOptimized)
        {
            return new VmdkStreamWriter(sink, length, vmdk);
        }

        return sink.IsSequential
            ? throw new NotSupportedException($"A vmdk of the variant {vmdk.Subformat} cannot be written to a pipe; streamOptimized can.")
            : new VmdkDiskWriter(sink, length, vmdk);
    }

    /// <inheritdoc/>
    protected override ValueTask<DiskCheckResult> CheckCoreAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken) =>
        VmdkChecker.CheckAsync(container, options, mode, cancellationToken);

    /// <inheritdoc/>
    /// <remarks>Sparse images of one file alone (monolithicSparse).</remarks>
    protected override void ResizeCore(ImageEditor image, long length, DiskResizeOptions options) => VmdkResizer.Resize(image, length, options);

    /// <inheritdoc/>
    protected internal override ValueTask AddConcernsAsync(VirtualDisk disk, VirtualDisk container, ICollection<DiskConcern> concerns, IoMode mode, CancellationToken cancellationToken)
    {
        if (disk is VmdkDisk vmdk)
        {
            foreach (DiskConcern concern in vmdk.Concerns)
            {
                concerns.Add(concern);
            }
        }

        return ValueTask.CompletedTask;
    }

    private static VmdkSubformat ParseSubformat(string text)
    {
        foreach (VmdkSubformat subformat in Enum.GetValues<VmdkSubformat>())
        {
            if (string.Equals(subformat.ToString(), text, StringComparison.OrdinalIgnoreCase))
            {
                return subformat;
            }
        }

        throw new ArgumentException($"The variant '{text}' is not known; monolithicSparse, streamOptimized, monolithicFlat, twoGbMaxExtentSparse and twoGbMaxExtentFlat are.", nameof(text));
    }

    private static bool ParseSwitch(IReadOnlyDictionary<string, string> settings, string name) => settings.GetValueOrDefault(name, "off") switch
    {
        "on" or "true" or "yes" => true,
        "off" or "false" or "no" => false,
        string other => throw new ArgumentException($"The option {name} is '{other}'; on or off was expected.", nameof(settings)),
    };

    private static int? ParseHardwareVersion(IReadOnlyDictionary<string, string> settings, bool isCompat6)
    {
        if (!settings.TryGetValue("hwversion", out string? text) || text == "undefined")
        {
            return isCompat6 ? 6 : null;
        }

        if (isCompat6)
        {
            throw new ArgumentException("compat6 and hwversion cannot be used together.", nameof(settings));
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int version)
            ? version
            : throw new ArgumentException($"The hardware version '{text}' is not a number.", nameof(settings));
    }
}
