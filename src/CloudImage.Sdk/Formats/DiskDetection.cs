using System.Buffers;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats.Raw;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats;

/// <summary>Decides by which format a container is opened.</summary>
internal static class DiskDetection
{
    /// <summary>The format to open a container with: the given one, the one that is detected, or raw where that is allowed.</summary>
    /// <exception cref="DiskFormatException">Nothing or too much was recognised.</exception>
    /// <exception cref="UnsupportedDiskFeatureException">A format was recognised that is not supported.</exception>
    public static async ValueTask<DiskFormat> ChooseAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        if (options.Format is { } given)
        {
            return given;
        }

        IReadOnlyList<DiskFormat> matches = await DiskFormatRegistry.Default.DetectAsync(container, mode, cancellationToken).ConfigureAwait(false);
        if (matches.Count == 1)
        {
            return matches[0];
        }

        if (matches.Count > 1)
        {
            throw new DiskFormatException($"The file bears the marks of several formats ({Names(matches)}), so that programs disagree on what it holds. Name the format if you trust its origin.");
        }

        if (await ForeignAsync(container, mode, cancellationToken).ConfigureAwait(false) is { } foreign)
        {
            throw new UnsupportedDiskFeatureException(foreign, 0, foreign, $"The file is in the format {foreign}, which is not supported. Supported are {Names(DiskFormatRegistry.Default.Formats)}; name raw to have its bytes as they are.");
        }

        return options.AllowRawFallback
            ? RawFormat.Instance
            : throw new DiskFormatException($"No format was recognised in the file; tried were {Names(DiskFormatRegistry.Default.Formats.Where(static format => format != RawFormat.Instance))}. Raw content has no marks: name it if it is meant.");
    }

    /// <summary>Names the foreign format of a container; null where none is recognised.</summary>
    public static async ValueTask<string?> ForeignAsync(VirtualDisk container, IoMode mode, CancellationToken cancellationToken)
    {
        using IMemoryOwner<byte> owner = MemoryPool<byte>.Shared.Rent(DiskProbe.MaxHeaderLength + DiskProbe.MaxFooterLength);
        int headerLength = (int)long.Min(container.Length, DiskProbe.MaxHeaderLength);
        int footerLength = (int)long.Min(container.Length, DiskProbe.MaxFooterLength);
        headerLength = await container.ReadAsync(owner.Memory[..headerLength], 0, mode, cancellationToken).ConfigureAwait(false);
        footerLength = await container.ReadAsync(owner.Memory.Slice(DiskProbe.MaxHeaderLength, footerLength), container.Length - footerLength, mode, cancellationToken).ConfigureAwait(false);
        return ForeignFormats.Name(new DiskProbe(owner.Memory.Span[..headerLength], owner.Memory.Span.Slice(DiskProbe.MaxHeaderLength, footerLength), container.Length));
    }

    /// <summary>Names of formats in one line.</summary>
    public static string Names(IEnumerable<DiskFormat> formats) => string.Join(", ", formats.Select(static format => format.Name));
}
