using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats.Raw;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats;

/// <summary>Reads the headers of a container and lists every reason for refusing it as untrusted. Opens no other file.</summary>
internal static class DiskInspector
{
    public static async ValueTask<DiskInspection> InspectAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        List<DiskConcern> concerns = [];
        DiskFormat? format = await ChooseAsync(container, options, concerns, mode, cancellationToken).ConfigureAwait(false);
        DiskInfo? info = null;
        bool isConsistent = false;
        if (format is not null)
        {
            try
            {
                // The container is left open by the disk: its owner is the caller.
                using VirtualDisk disk = await format.OpenLayerAsync(container, options.ForInspection(), mode, cancellationToken).ConfigureAwait(false);
                info = disk.Info;
                isConsistent = true;
                AddReferences(info, concerns);
                AddState(info, options, concerns);
                await AddRawConfusionAsync(format, disk, container, options, concerns, mode, cancellationToken).ConfigureAwait(false);
                int count = concerns.Count;
                await format.AddConcernsAsync(disk, container, concerns, mode, cancellationToken).ConfigureAwait(false);
                isConsistent = !concerns.Skip(count).Any(static concern => concern.Code is "unreadable" or "size-mismatch" or "inconsistent");
            }
            catch (CloudImageException exception)
            {
                isConsistent = false;
                concerns.Add(new DiskConcern(Code(exception), exception.Message));
            }
        }

        return new DiskInspection { Format = format, Info = info, Concerns = concerns, IsConsistent = isConsistent };
    }

    private static string Code(CloudImageException exception) => exception switch
    {
        UnsupportedDiskFeatureException { Feature: { } feature } when feature.Contains("encrypt", StringComparison.OrdinalIgnoreCase) => "encrypted",
        UnsupportedDiskFeatureException => "unsupported-feature",
        DiskReferenceException => "reference",
        _ => "unreadable",
    };

    private static async ValueTask<DiskFormat?> ChooseAsync(VirtualDisk container, DiskOpenOptions options, List<DiskConcern> concerns, IoMode mode, CancellationToken cancellationToken)
    {
        IReadOnlyList<DiskFormat> matches = await DiskFormatRegistry.Default.DetectAsync(container, mode, cancellationToken).ConfigureAwait(false);
        if (matches.Count > 1)
        {
            concerns.Add(new DiskConcern("several-formats", $"The file bears the marks of several formats: {DiskDetection.Names(matches)}. Programs that look at it differently would see different disks."));
        }

        if (options.Format is { } given)
        {
            if (given == RawFormat.Instance ? matches.Count > 0 : !matches.Contains(given))
            {
                concerns.Add(new DiskConcern("other-format", matches.Count > 0
                    ? $"The file was named {given.Name}, and bears the marks of {DiskDetection.Names(matches)}: what a guest wrote into a raw disk can pretend to be an image that names files of the host."
                    : $"The file was named {given.Name}, and does not bear its marks."));
            }

            return given;
        }

        if (matches.Count > 0)
        {
            return matches[0];
        }

        if (!options.AllowRawFallback)
        {
            concerns.Add(new DiskConcern("unknown-format", $"No format was recognised; tried were {DiskDetection.Names(DiskFormatRegistry.Default.Formats.Where(static format => format.CanOpen))}."));
        }

        return options.AllowRawFallback ? RawFormat.Instance : null;
    }

    private static void AddReferences(DiskInfo info, List<DiskConcern> concerns)
    {
        foreach (DiskReference reference in info.References)
        {
            bool isParent = reference.Kind == DiskReferenceKind.Parent;
            concerns.Add(new DiskConcern(
                isParent ? "backing-file" : "data-file",
                $"The image names the {(isParent ? "parent" : "data")} file '{Printable(reference.Name)}'{(isParent && reference.FormatName is null ? " and no format for it" : string.Empty)}. Whoever opens it with its references reads that file."));
        }
    }

    private static void AddState(DiskInfo info, DiskOpenOptions options, List<DiskConcern> concerns)
    {
        if (info.IsEncrypted)
        {
            concerns.Add(new DiskConcern("encrypted", "The content is encrypted: nothing that looks into it can see what it holds."));
        }

        if (info.IsDirty)
        {
            concerns.Add(new DiskConcern("dirty", "The image says that it was not closed in order, or is in need of repair."));
        }

        if (info.VirtualSize > options.Limits.MaxVirtualSize)
        {
            concerns.Add(new DiskConcern("virtual-size", $"The disk would have {info.VirtualSize} bytes, more than the {options.Limits.MaxVirtualSize} that are allowed."));
        }

        if (info.VirtualSize % 512 != 0)
        {
            concerns.Add(new DiskConcern("odd-size", $"The length of the disk, {info.VirtualSize} bytes, is no multiple of a sector of 512."));
        }
    }

    // A raw file is known by nothing but its content; and an image whose first sector is at once a boot sector is two things.
    private static async ValueTask AddRawConfusionAsync(DiskFormat format, VirtualDisk disk, VirtualDisk container, DiskOpenOptions options, List<DiskConcern> concerns, IoMode mode, CancellationToken cancellationToken)
    {
        byte[] start = new byte[1024];
        int count = await container.ReadAsync(start, 0, mode, cancellationToken).ConfigureAwait(false);
        string? table = PartitionTable(start.AsSpan(0, count));
        if (format == RawFormat.Instance)
        {
            if (table is null && options.Format is null)
            {
                concerns.Add(new DiskConcern("no-partition-table", "The file has neither the marks of a format nor a partition table: it may be anything."));
            }

            return;
        }

        if (table is null || disk.Length == 0)
        {
            return;
        }

        // A fixed image has its header behind the content: there the container's first sector is the guest's.
        DiskPlacement first = await disk.LocateAsync(0, 1, mode, cancellationToken).ConfigureAwait(false);
        if (first.ContainerOffset != 0)
        {
            concerns.Add(new DiskConcern("several-formats", $"The file bears the marks of {format.Name} and begins with {table}: taken as raw it would be another disk."));
        }
    }

    private static string? PartitionTable(ReadOnlySpan<byte> start)
    {
        if (start.Length >= 520 && start[512..].StartsWith("EFI PART"u8))
        {
            return "a GPT partition table";
        }

        if (start.Length < 512 || start[510] != 0x55 || start[511] != 0xaa)
        {
            return null;
        }

        // Four entries, each either marked active or not: this tells a table from bytes that happen to end in 55 AA.
        bool isTable = (start[446] & 0x7f) == 0 && (start[462] & 0x7f) == 0 && (start[478] & 0x7f) == 0 && (start[494] & 0x7f) == 0;
        return isTable ? "an MBR partition table" : null;
    }

    private static string Printable(string name) =>
        string.Concat(name.Select(static letter => char.IsControl(letter) ? '\ufffd' : letter));
}
