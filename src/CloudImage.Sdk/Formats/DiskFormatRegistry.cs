using System;
using System.Buffers;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats.Foreign;
using CloudImage.Sdk.Formats.GceTar;
using CloudImage.Sdk.Formats.Ova;
using CloudImage.Sdk.Formats.Qcow2;
using CloudImage.Sdk.Formats.Raw;
using CloudImage.Sdk.Formats.Vdi;
using CloudImage.Sdk.Formats.Vhd;
using CloudImage.Sdk.Formats.Vhdx;
using CloudImage.Sdk.Formats.Vmdk;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats;

/// <summary>The formats that are known, and detection among them. Immutable and thread-safe.</summary>
public sealed class DiskFormatRegistry
{
    private readonly DiskFormat[] _formats;

    /// <summary>Makes a registry.</summary>
    /// <param name="formats">The formats; a name stands for the first that bears it.</param>
    public DiskFormatRegistry(params ReadOnlySpan<DiskFormat> formats) => _formats = formats.ToArray();

    /// <summary>Every format of this library.</summary>
    public static DiskFormatRegistry Default { get; } = new([
        RawFormat.Instance,
        Qcow2Format.Instance,
        VhdFormat.Instance,
        VhdxFormat.Instance,
        VmdkFormat.Instance,
        VdiFormat.Instance,
        GceTarFormat.Instance,
        Qcow1Format.Instance,
        OvaFormat.Instance,
        .. ForeignFormat.All]);

    /// <summary>The formats.</summary>
    public IReadOnlyList<DiskFormat> Formats => _formats;

    /// <summary>Finds a format by name.</summary>
    /// <param name="name">The name, in any case.</param>
    /// <returns>The format; null where none bears the name.</returns>
    public DiskFormat? Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Array.Find(_formats, format => string.Equals(format.Name, name, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>Lists every format whose marks a container bears. More than one is a reason for distrust.</summary>
    /// <param name="container">The bytes; only the first and last are read.</param>
    /// <returns>The formats; raw, which has no marks, is never among them.</returns>
    public IReadOnlyList<DiskFormat> Detect(VirtualDisk container) =>
        SyncBridge.Completed(DetectAsync(container, IoMode.Synchronous, CancellationToken.None));

    /// <summary>Lists every format whose marks a container bears. More than one is a reason for distrust.</summary>
    /// <param name="container">The bytes; only the first and last are read.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The formats; raw, which has no marks, is never among them.</returns>
    public ValueTask<IReadOnlyList<DiskFormat>> DetectAsync(VirtualDisk container, CancellationToken cancellationToken = default) =>
        DetectAsync(container, IoMode.Asynchronous, cancellationToken);

    internal async ValueTask<IReadOnlyList<DiskFormat>> DetectAsync(VirtualDisk container, IoMode mode, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(container);
        byte[] rented = ArrayPool<byte>.Shared.Rent(DiskProbe.MaxHeaderLength + DiskProbe.MaxFooterLength);
        try
        {
            Memory<byte> header = rented.AsMemory(0, (int)Math.Min(container.Length, DiskProbe.MaxHeaderLength));
            Memory<byte> footer = rented.AsMemory(DiskProbe.MaxHeaderLength, (int)Math.Min(container.Length, DiskProbe.MaxFooterLength));
            await container.ReadAsync(header, 0, mode, cancellationToken).ConfigureAwait(false);
            await container.ReadAsync(footer, container.Length - footer.Length, mode, cancellationToken).ConfigureAwait(false);
            return Match(new DiskProbe(header.Span, footer.Span, container.Length));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    /// <summary>Detects by the first bytes alone, as a pipe allows.</summary>
    internal IReadOnlyList<DiskFormat> DetectHeader(ReadOnlySpan<byte> header, long length) => Match(new DiskProbe(header, default, length));

    private List<DiskFormat> Match(DiskProbe probe)
    {
        List<DiskFormat> matches = [];
        foreach (DiskFormat format in _formats)
        {
            if (format.IsMatch(probe))
            {
                matches.Add(format);
            }
        }

        return matches;
    }
}
