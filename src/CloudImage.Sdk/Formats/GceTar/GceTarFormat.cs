using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.IO.Compression;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats.Archives;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.GceTar;

/// <summary>The image archive of Google Compute Engine: one member "disk.raw" in a gzip-compressed tar archive, sparse or not.</summary>
/// <remarks>
/// <para>Archives that this library writes consist of gzip members which say how long they are: they are read at any
/// position at the cost of one member, and in parallel. Of other archives gzip allows no start but the first byte: reading
/// in order decodes once, and going back beyond 48 MiB of cache decodes from the start again. Conversion reads in order.</para>
/// <para>The map of a sparse member is known from its header; it is checked against the member's size.</para>
/// </remarks>
public sealed class GceTarFormat : DiskFormat
{
    private GceTarFormat()
    {
    }

    /// <summary>The format.</summary>
    public static GceTarFormat Instance { get; } = new();

    /// <inheritdoc/>
    public override string Name => GceTarConstants.Name;

    /// <inheritdoc/>
    public override string Description => "Google Compute Engine image archive (disk.raw in tar.gz)";

    /// <inheritdoc/>
    public override IReadOnlyList<string> FileExtensions { get; } = [".tar.gz", ".tgz"];

    /// <inheritdoc/>
    public override bool CanCreate => true;

    /// <inheritdoc/>
    public override bool CanCheck => true;

    /// <inheritdoc/>
    public override bool CanReadSequentially => true;

    /// <inheritdoc/>
    public override unsafe bool IsMatch(in DiskProbe probe)
    {
        if (!probe.Header.StartsWith((ReadOnlySpan<byte>)[0x1f, 0x8b, 8]))
        {
            return false;
        }

        fixed (byte* pointer = probe.Header)
        {
            using UnmanagedMemoryStream source = new(pointer, probe.Header.Length);
            using GZipStream plain = new(source, CompressionMode.Decompress);
            return IsArchive(plain);
        }
    }

    /// <inheritdoc/>
    public override DiskCreateOptions ParseOptions(IReadOnlyDictionary<string, string> settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        bool roundUp = true;
        int level = new GceTarOptions().CompressionLevel;
        foreach ((string name, string value) in settings)
        {
            switch (name)
            {
                case "roundup" when value is "on" or "off":
                    roundUp = value == "on";
                    break;
                case "level" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out level):
                    break;
                default:
                    throw new ArgumentException($"The format gce has no option {name}={value}. It has level=1..9 (compression) and roundup=on|off (to whole GiB).", nameof(settings));
            }
        }

        GceTarOptions options = new() { RoundUpToGigabyte = roundUp, CompressionLevel = level };
        Validate(options);
        return options;
    }

    /// <inheritdoc/>
    protected override async ValueTask<VirtualDisk> OpenCoreAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        TarMember member;
        using (Stream plain = GzipReader.OpenForward(container))
        {
            member = await GceTarHeader.ReadAsync(new TarReader(plain, Name, options.Limits), options.Limits, mode, cancellationToken).ConfigureAwait(false);
        }

        GzipReader reader = await GzipReader.OpenAsync(container, Name, options.Limits, mode, cancellationToken).ConfigureAwait(false);
        return new GceTarDisk(container, reader, member, options.LeaveOpen);
    }

    /// <inheritdoc/>
    protected override async ValueTask<SequentialDiskSource> OpenSequentialCoreAsync(Stream stream, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        GZipStream plain = new(new BufferedStream(new PrefixedStream(default, stream, options.LeaveOpen), 256 << 10), CompressionMode.Decompress);
        TarReader reader = new(plain, Name, options.Limits);
        TarMember member = await GceTarHeader.ReadAsync(reader, options.Limits, mode, cancellationToken).ConfigureAwait(false);
        return new GceTarSource(plain, reader, member);
    }

    /// <inheritdoc/>
    protected override DiskWriter CreateCore(ImageSink sink, long length, DiskCreateOptions options)
    {
        if (options is not GceTarOptions gce)
        {
            throw new ArgumentException($"The options are those of {options.Format}, not of {Name}.", nameof(options));
        }

        Validate(gce);
        if (options.Parent is not null)
        {
            throw new ArgumentException("A GCE archive holds a whole disk and cannot have a parent.", nameof(options));
        }

        if (!gce.RoundUpToGigabyte && GceTarConstants.ArchivedLength(length, gce.LengthUnit) != length)
        {
            throw new ArgumentException($"Compute Engine imports whole GiB only, and {length} bytes are none: the next length is {GceTarConstants.ArchivedLength(length, gce.LengthUnit)}. Resize the disk, or set RoundUpToGigabyte.", nameof(length));
        }

        return new GceTarDiskWriter(sink, length, gce);
    }

    /// <inheritdoc/>
    protected override ValueTask<DiskCheckResult> CheckCoreAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken) =>
        GceTarChecker.CheckAsync(container, options.Limits, mode, cancellationToken);

    private static void Validate(GceTarOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.CompressionLevel, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.CompressionLevel, 9);
    }

    // The first header that describes a file decides; a probe is too short for more, and opening looks at the rest.
    private static bool IsArchive(Stream plain)
    {
        try
        {
            TarReader reader = new(plain, GceTarConstants.Name, DiskReadLimits.Untrusted);
            TarMember? member = SyncBridge.Completed(reader.ReadNextAsync(IoMode.Synchronous, CancellationToken.None));
            while (member is { IsDirectory: true })
            {
                member = SyncBridge.Completed(reader.ReadNextAsync(IoMode.Synchronous, CancellationToken.None));
            }

            return member?.Name == GceTarConstants.DiskName;
        }
        catch (DiskFormatException)
        {
            return false;
        }
    }
}
