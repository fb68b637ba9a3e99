using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Raw;

/// <summary>Plain disk content without a header. Has no marks, so it is never detected: it is named, or the documented fallback.</summary>
public sealed class RawFormat : DiskFormat
{
    private RawFormat()
    {
    }

    /// <summary>The format.</summary>
    public static RawFormat Instance { get; } = new();

    /// <inheritdoc/>
    public override string Name => "raw";

    /// <inheritdoc/>
    public override string Description => "Plain disk content";

    /// <inheritdoc/>
    public override IReadOnlyList<string> FileExtensions { get; } = [".raw", ".img"];

    /// <inheritdoc/>
    public override bool CanCreate => true;

    /// <inheritdoc/>
    public override bool CanResize => true;

    /// <inheritdoc/>
    public override bool CanReadSequentially => true;

    /// <inheritdoc/>
    public override bool IsMatch(in DiskProbe probe) => false;

    /// <inheritdoc/>
    public override DiskCreateOptions ParseOptions(IReadOnlyDictionary<string, string> settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        foreach (string name in settings.Keys)
        {
            throw new ArgumentException($"The format raw has no option '{name}'; it has none at all.", nameof(settings));
        }

        return new RawOptions();
    }

    /// <inheritdoc/>
    protected override ValueTask<VirtualDisk> OpenCoreAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken) =>
        ValueTask.FromResult(options.LeaveOpen ? new LayeredDisk([container], true) : container);

    /// <inheritdoc/>
    protected override ValueTask<SequentialDiskSource> OpenSequentialCoreAsync(Stream stream, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        long? length = stream.CanSeek ? stream.Length - stream.Position : null;
        return ValueTask.FromResult<SequentialDiskSource>(new RawStreamSource(stream, length, options.Limits.MaxVirtualSize, options.LeaveOpen));
    }

    /// <inheritdoc/>
    protected override DiskWriter CreateCore(ImageSink sink, long length, DiskCreateOptions options)
    {
        if (options is not RawOptions)
        {
            throw new ArgumentException($"The options are those of the format {options.Format.Name}.", nameof(options));
        }

        return options.Parent is null
            ? new RawDiskWriter(sink, length)
            : throw new ArgumentException("A raw image cannot name a parent.", nameof(options));
    }

    /// <inheritdoc/>
    protected override void ResizeCore(ImageEditor image, long length, DiskResizeOptions options) => RawResizer.Resize(image, length, options);
}
