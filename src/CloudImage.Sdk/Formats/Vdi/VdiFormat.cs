using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vdi;

/// <summary>VirtualBox disk images: dynamic, static and differencing ones, with any block size.</summary>
/// <remarks>A differencing image names its parent by an id alone; the resolver gets it as "{id}".</remarks>
public sealed class VdiFormat : DiskFormat
{
    private VdiFormat()
    {
    }

    /// <summary>The format.</summary>
    public static VdiFormat Instance { get; } = new();

    /// <inheritdoc/>
    public override string Name => VdiConstants.FormatName;

    /// <inheritdoc/>
    public override string Description => "VirtualBox disk image";

    /// <inheritdoc/>
    public override IReadOnlyList<string> FileExtensions { get; } = [".vdi"];

    /// <inheritdoc/>
    public override bool CanCreate => true;

    /// <inheritdoc/>
    public override bool CanCheck => true;

    /// <inheritdoc/>
    public override bool CanResize => true;

    /// <inheritdoc/>
    public override bool IsMatch(in DiskProbe probe) => VdiHeader.HasSignature(probe.Header);

    /// <inheritdoc/>
    public override DiskCreateOptions ParseOptions(IReadOnlyDictionary<string, string> settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        bool isStatic = false;
        int blockSize = VdiConstants.DefaultBlockSize;
        foreach ((string name, string value) in settings)
        {
            switch (name)
            {
                case "static":
                    isStatic = value switch
                    {
                        "on" or "true" or "yes" => true,
                        "off" or "false" or "no" => false,
                        _ => throw new ArgumentException($"The option static is '{value}'; on or off was expected.", nameof(settings)),
                    };
                    break;
                case "block_size":
                    blockSize = ParseSize(value);
                    break;
                default:
                    throw new ArgumentException($"The format vdi has no option '{name}'; it has static and block_size.", nameof(settings));
            }
        }

        return new VdiOptions { IsStatic = isStatic, BlockSize = blockSize };
    }

    /// <inheritdoc/>
    protected override ValueTask<VirtualDisk> OpenCoreAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken) =>
        VdiDisk.OpenAsync(container, options, mode, cancellationToken);

    /// <inheritdoc/>
    protected override DiskWriter CreateCore(ImageSink sink, long length, DiskCreateOptions options)
    {
        VdiOptions vdi = options as VdiOptions ?? throw new ArgumentException($"The options are of the format {options.Format}; VdiOptions were expected.", nameof(options));
        return sink.IsSequential
            ? throw new NotSupportedException("A VDI cannot be written to a pipe: its map lies in front of its blocks. Write to a file.")
            : new VdiDiskWriter(sink, length, vdi);
    }

    /// <inheritdoc/>
    protected override ValueTask<DiskCheckResult> CheckCoreAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken) =>
        VdiChecker.CheckAsync(container, options, mode, cancellationToken);

    /// <inheritdoc/>
    protected override void ResizeCore(ImageEditor image, long length, DiskResizeOptions options) => VdiResizer.Resize(image, length, options);

    private static int ParseSize(string text) => SizeText.TryParse(text, out int size)
        ? size
        : throw new ArgumentException($"The block size '{text}' is not a number of bytes (K, M and G are understood).", nameof(text));
}
