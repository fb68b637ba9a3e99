using System;
using System.Collections.Generic;
using System.Linq;
using CloudImage.Sdk.Disks;
using static CloudImage.Sdk.Formats.Qcow2.Qcow2Constants;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>Reasons for distrust that only these formats have. Reads nothing: what is asked for is in memory.</summary>
internal static class Qcow2Concerns
{
    /// <summary>Names that lead away from the folder of the image, or that other programs take for more than a file name.</summary>
    public static void AddNames(DiskInfo info, ICollection<DiskConcern> concerns)
    {
        foreach (DiskReference reference in info.References)
        {
            string name = reference.Name;
            int colon = name.IndexOf(':', StringComparison.Ordinal);
            int slash = name.IndexOfAny(['/', '\\']);
            string? reason = name.Any(char.IsControl) ? "holds control characters"
                : colon > 0 && (slash < 0 || colon < slash) ? $"begins with '{name[..(colon + 1)]}', by which other programs connect to servers or build block devices"
                : slash >= 0 ? "leads to another folder"
                : null;
            if (reason is not null)
            {
                concerns.Add(new DiskConcern("reference-name", $"A referenced file's name {reason}."));
            }

            if (reference.Kind == DiskReferenceKind.Parent && reference.FormatName is null)
            {
                concerns.Add(new DiskConcern("undeclared-format", "The image declares no format for its backing file: whoever guesses it lets the content of that file choose."));
            }
        }
    }

    /// <summary>Tables that overlap the header, share a place, or leave the image.</summary>
    public static void AddTables(Qcow2Disk disk, long containerLength, ICollection<DiskConcern> concerns)
    {
        Qcow2Header header = disk.Header;
        HashSet<long> places = [];
        foreach (ulong entry in disk.L1)
        {
            long host = (long)(entry & OffsetMask);
            if (host == 0)
            {
                continue;
            }

            string? reason = (host & (header.ClusterSize - 1)) != 0 ? "is not aligned"
                : host >= containerLength ? $"lies beyond the end of the image at {containerLength}"
                : host == header.L1Offset || host == header.RefcountTableOffset ? "lies over another table"
                : !places.Add(host) ? "is used for two parts of the disk"
                : null;
            if (reason is not null)
            {
                concerns.Add(new DiskConcern("inconsistent", $"An L2 table at 0x{host:x} {reason}."));
                return;
            }
        }

        if (header.L1Entries > 0 && (header.L1Offset == 0 || header.L1Offset == header.RefcountTableOffset))
        {
            concerns.Add(new DiskConcern("inconsistent", $"The L1 table at 0x{header.L1Offset:x} lies over the header or the refcount table."));
        }
    }
}
