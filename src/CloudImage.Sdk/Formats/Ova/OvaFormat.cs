using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats.Archives;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Ova;

/// <summary>The OVA package: a virtual machine in one tar archive, with an OVF descriptor, a manifest of digests and its disks (DSP0243).</summary>
/// <remarks>
/// <para>Read: members in any order, whole, gzip-compressed or cut into chunks; the disk is chosen by <see cref="DiskOpenOptions.DiskName"/>.
/// <see cref="OvaPackage"/> gives the hardware and verifies the digests. From a pipe the descriptor must come first, as the
/// standard asks; the digest of the disk is then verified while it passes.</para>
/// <para>Written: OVF 1.1 descriptor, SHA-256 manifest and one streamOptimized VMDK. The descriptor precedes the disk and
/// names its length, which is known only once it is compressed: a file is completed at its beginning before it is
/// published, and for a pipe the compressed disk is kept in a temporary file.</para>
/// </remarks>
public sealed class OvaFormat : DiskFormat
{
    private OvaFormat()
    {
    }

    /// <summary>The format.</summary>
    public static OvaFormat Instance { get; } = new();

    /// <inheritdoc/>
    public override string Name => OvaConstants.Name;

    /// <inheritdoc/>
    public override string Description => "OVA package (OVF virtual machine in a tar archive)";

    /// <inheritdoc/>
    public override IReadOnlyList<string> FileExtensions { get; } = [".ova"];

    /// <inheritdoc/>
    public override bool CanCreate => true;

    /// <inheritdoc/>
    public override bool CanCheck => true;

    /// <inheritdoc/>
    public override bool CanReadSequentially => true;

    /// <inheritdoc/>
    public override bool IsMatch(in DiskProbe probe) =>
        probe.Header.Length >= TarConstants.BlockSize
        && probe.Header[TarConstants.MagicOffset..].StartsWith("ustar"u8)
        && TarHeader.TryParse(probe.Header[..TarConstants.BlockSize], out _, out _);

    /// <inheritdoc/>
    public override DiskCreateOptions ParseOptions(IReadOnlyDictionary<string, string> settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return OvaOptionParser.Parse(settings);
    }

    /// <inheritdoc/>
    protected override async ValueTask<VirtualDisk> OpenCoreAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        OvaPackage package = await OvaPackage.OpenAsync(container, options, mode, cancellationToken).ConfigureAwait(false);
        VirtualDisk disk = await package.OpenDiskAsync(options.DiskName, mode, cancellationToken).ConfigureAwait(false);
        return new OvaDisk(package, disk, container.Length);
    }

    /// <inheritdoc/>
    protected override async ValueTask<SequentialDiskSource> OpenSequentialCoreAsync(Stream stream, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken) =>
        await OvaSource.OpenAsync(stream, options, mode, cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    protected override DiskWriter CreateCore(ImageSink sink, long length, DiskCreateOptions options)
    {
        if (options is not OvaOptions ova)
        {
            throw new ArgumentException($"The options are those of {options.Format}, not of {Name}.", nameof(options));
        }

        if (options.Parent is not null)
        {
            throw new ArgumentException("A package holds a whole disk and cannot have a parent.", nameof(options));
        }

        OvaOptionParser.Validate(ova);
        return new OvaDiskWriter(sink, length, ova);
    }

    /// <inheritdoc/>
    protected override ValueTask<DiskCheckResult> CheckCoreAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken) =>
        OvaChecker.CheckAsync(container, options, mode, cancellationToken);
}
