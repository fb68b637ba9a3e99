using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats.Archives;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.GceTar;

/// <summary>Finds the disk in an archive, and refuses whatever else an archive may hold.</summary>
internal static class GceTarHeader
{
    /// <summary>Reads up to the member "disk.raw", which only folders may precede.</summary>
    public static async ValueTask<TarMember> ReadAsync(TarReader reader, DiskReadLimits limits, IoMode mode, CancellationToken cancellationToken)
    {
        while (await reader.ReadNextAsync(mode, cancellationToken).ConfigureAwait(false) is { } member)
        {
            if (IsRoot(member))
            {
                continue;
            }

            ThrowIfForeign(member);
            if (member.Length == 0)
            {
                throw new DiskFormatException(GceTarConstants.Name, member.HeaderOffset, "The disk in the archive has no bytes.");
            }

            return member.Length <= limits.MaxVirtualSize ? member : throw new DiskFormatException(
                GceTarConstants.Name, member.HeaderOffset, $"The disk has {member.Length} bytes, more than the limit of {limits.MaxVirtualSize} (DiskReadLimits.MaxVirtualSize).");
        }

        throw new DiskFormatException(GceTarConstants.Name, reader.Position, $"The archive has no member '{GceTarConstants.DiskName}' at its root.");
    }

    /// <summary>Reads what follows the disk, to the end of the archive.</summary>
    public static async ValueTask ReadEndAsync(TarReader reader, IoMode mode, CancellationToken cancellationToken)
    {
        while (await reader.ReadNextAsync(mode, cancellationToken).ConfigureAwait(false) is { } member)
        {
            if (!IsRoot(member))
            {
                throw new DiskFormatException(GceTarConstants.Name, member.HeaderOffset, member.Name == GceTarConstants.DiskName
                    ? "The archive holds a second 'disk.raw'; which one is the disk cannot be known."
                    : $"The archive holds '{member.Name}' behind the disk; an image archive holds one file, '{GceTarConstants.DiskName}'.");
            }
        }
    }

    private static bool IsRoot(TarMember member) => member.IsDirectory && member.Name.Length == 0;

    private static void ThrowIfForeign(TarMember member)
    {
        if (member.Name != GceTarConstants.DiskName)
        {
            throw new DiskFormatException(GceTarConstants.Name, member.HeaderOffset, $"The archive holds '{member.Name}'; an image archive holds one file, '{GceTarConstants.DiskName}', at its root.");
        }

        if (!member.IsFile)
        {
            throw new DiskFormatException(GceTarConstants.Name, member.HeaderOffset, $"The member '{member.Name}' is no regular file but of tar type '{(char)member.Type}'; links and devices are refused.");
        }
    }
}
