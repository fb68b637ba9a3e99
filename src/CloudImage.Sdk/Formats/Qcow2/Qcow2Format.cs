using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>QCOW2, versions 2 (compat 0.10) and 3 (compat 1.1): the image format of QEMU.</summary>
/// <remarks>
/// Specification: qemu, docs/interop/qcow2. Read: zlib and zstd clusters, zero clusters, internal snapshots, extended L2
/// entries, external data files, bitmaps, encryption by LUKS version 1 and the old AES. Stateless and thread-safe.
/// </remarks>
public sealed class Qcow2Format : DiskFormat
{
    private Qcow2Format()
    {
    }

    /// <summary>The format.</summary>
    public static Qcow2Format Instance { get; } = new();

    /// <inheritdoc/>
    public override string Name => Qcow2Constants.FormatName;

    /// <inheritdoc/>
    public override string Description => "QEMU copy-on-write image, versions 2 and 3";

    /// <inheritdoc/>
    public override IReadOnlyList<string> FileExtensions { get; } = [".qcow2", ".img"];

    /// <inheritdoc/>
    public override bool CanCreate => true;

    /// <inheritdoc/>
    public override bool CanCheck => true;

    /// <inheritdoc/>
    public override bool CanResize => true;

    /// <inheritdoc/>
    public override bool IsMatch(in DiskProbe probe) =>
        probe.Header.Length >= 8 && BinaryPrimitives.ReadUInt32BigEndian(probe.Header) == Qcow2Constants.Magic
        && BinaryPrimitives.ReadUInt32BigEndian(probe.Header[4..]) >= 2;

    /// <inheritdoc/>
    protected override ValueTask<VirtualDisk> OpenCoreAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken) =>
        Qcow2Opener.OpenAsync(container, options, mode, cancellationToken);

    /// <inheritdoc/>
    public override DiskCreateOptions ParseOptions(IReadOnlyDictionary<string, string> settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return Qcow2OptionsParser.Parse(settings);
    }

    /// <inheritdoc/>
    protected override DiskWriter CreateCore(ImageSink sink, long length, DiskCreateOptions options)
    {
        if (options is not Qcow2Options qcow2)
        {
            throw new ArgumentException($"The options are of the format {options.Format.Name}, not {Name}.", nameof(options));
        }

        Qcow2OptionsValidator.Validate(qcow2);
        Qcow2Geometry geometry = new(length, qcow2.ClusterSize, qcow2.ExtendedL2, qcow2.RefcountBits);

        // Names that do not fit are found now, not when everything is written.
        _ = Qcow2HeaderWriter.Build(qcow2, geometry, 0, 0, 0);
        if (!sink.IsSequential)
        {
            return new Qcow2DiskWriter(sink, qcow2.DataFile is { } name ? sink.CreateSibling(name) : null, qcow2, geometry);
        }

        return qcow2.Compression == Qcow2Compression.None && qcow2.DataFile is null
            ? new Qcow2SequentialWriter(sink, qcow2, geometry)
            : throw new NotSupportedException("A compressed qcow2 image, or one with an external data file, cannot be written front to back: its tables are known last. Write it to a file.");
    }

    /// <inheritdoc/>
    protected override ValueTask<DiskCheckResult> CheckCoreAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken) =>
        Qcow2Checker.CheckAsync(container, options, mode, cancellationToken);

    /// <inheritdoc/>
    protected override void ResizeCore(ImageEditor image, long length, DiskResizeOptions options) =>
        Qcow2Resizer.Resize(image, length, options);

    /// <inheritdoc/>
    protected internal override ValueTask AddConcernsAsync(VirtualDisk disk, VirtualDisk container, ICollection<DiskConcern> concerns, IoMode mode, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(disk);
        ArgumentNullException.ThrowIfNull(container);
        ArgumentNullException.ThrowIfNull(concerns);
        Qcow2Concerns.AddNames(disk.Info, concerns);
        if (disk is Qcow2Disk qcow2)
        {
            Qcow2Concerns.AddTables(qcow2, container.Length, concerns);
        }

        return ValueTask.CompletedTask;
    }
}
