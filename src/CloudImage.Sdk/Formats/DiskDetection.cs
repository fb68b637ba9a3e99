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
    /// <summary>The format to open a container with: the given one, the one that is detected (which may be one that is only named), or raw where that is allowed.</summary>
    /// <exception cref="DiskFormatException">Nothing or too much was recognised.</exception>
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

        return options.AllowRawFallback
            ? RawFormat.Instance
            : throw new DiskFormatException($"No format was recognised in the file; tried were {Names(DiskFormatRegistry.Default.Formats.Where(static format => format != RawFormat.Instance && format.CanOpen))}. Raw content has no marks: name it if it is meant.");
    }

    /// <summary>Names of formats in one line.</summary>
    public static string Names(IEnumerable<DiskFormat> formats) => string.Join(", ", formats.Select(static format => format.Name));
}
