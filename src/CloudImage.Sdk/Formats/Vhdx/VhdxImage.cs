using System;
using System.Collections.Generic;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vhdx;

/// <summary>Headers, regions and metadata of one image, validated, with the log replayed in memory: what reading, checking and resizing begin with.</summary>
internal sealed class VhdxImage
{
    /// <summary>The container as it is after the log was replayed: the one to read from.</summary>
    public required VirtualDisk Container { get; init; }

    /// <summary>Length of the file in bytes, before the log is replayed.</summary>
    public required long FileLength { get; init; }

    public required string Creator { get; init; }

    public required VhdxHeader Header { get; init; }

    /// <summary>Entries of the log that were replayed in memory.</summary>
    public required IReadOnlyList<VhdxLogEntry> ReplayedEntries { get; init; }

    public required IReadOnlyList<VhdxRegion> Regions { get; init; }

    public required VhdxRegion BatRegion { get; init; }

    public required VhdxMetadata Metadata { get; init; }

    public required VhdxBatLayout Layout { get; init; }

    /// <summary>What was worked around; null for an image in order.</summary>
    public string? Recovery { get; init; }

    public static async ValueTask<VhdxImage> LoadAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        string creator = await ReadCreatorAsync(container, mode, cancellationToken).ConfigureAwait(false);
        (VhdxHeader header, string? recovery) = await ReadHeaderAsync(container, options.IsLenient, mode, cancellationToken).ConfigureAwait(false);
        IReadOnlyList<VhdxLogEntry> entries = [];
        if (header.LogId != Guid.Empty)
        {
            try
            {
                entries = await VhdxLog.ReadActiveAsync(container, header, options.Limits, mode, cancellationToken).ConfigureAwait(false);
            }
            catch (DiskFormatException exception) when (options.IsLenient && exception is not UnsupportedDiskFeatureException)
            {
                recovery = $"the log could not be replayed: {exception.Message}";
            }
        }

        VirtualDisk replayed = entries.Count > 0 ? new VhdxLogOverlay(container, entries, options.LeaveOpen) : container;
        List<VhdxRegion> regions = await ReadRegionsAsync(replayed, mode, cancellationToken).ConfigureAwait(false);
        VhdxRegion bat = Find(regions, VhdxConstants.BatRegion, "block table");
        VhdxRegion metadataRegion = Find(regions, VhdxConstants.MetadataRegion, "metadata");
        CheckLogPlace(header, regions);
        VhdxMetadata metadata = await VhdxMetadata.LoadAsync(replayed, metadataRegion, options.Limits, mode, cancellationToken).ConfigureAwait(false);
        VhdxBatLayout layout = new(metadata.Length, metadata.BlockSize, metadata.LogicalSectorSize, metadata.HasParent);
        if (layout.EntryCount * 8 > bat.Length || layout.EntryCount * 8 > replayed.Length - bat.FileOffset)
        {
            throw Fault(bat.FileOffset, $"the block table has {bat.Length} bytes, in a file of {replayed.Length}; {metadata.Length} bytes in blocks of {metadata.BlockSize} need {layout.EntryCount} entries of 8 bytes.");
        }

        return new VhdxImage
        {
            Container = replayed,
            FileLength = container.Length,
            Creator = creator,
            Header = header,
            ReplayedEntries = entries,
            Regions = regions,
            BatRegion = bat,
            Metadata = metadata,
            Layout = layout,
            Recovery = recovery,
        };
    }

    public static DiskFormatException Fault(long fileOffset, string message) => new(VhdxConstants.FormatName, fileOffset, message);

    private static async ValueTask<string> ReadCreatorAsync(VirtualDisk container, IoMode mode, CancellationToken cancellationToken)
    {
        byte[] identifier = new byte[8 + VhdxConstants.CreatorLength];
        await container.ReadAsync(identifier, 0, mode, cancellationToken).ConfigureAwait(false);
        if (!identifier.AsSpan().StartsWith(VhdxConstants.FileSignature))
        {
            throw Fault(0, "the file does not begin with 'vhdxfile'.");
        }

        string creator = Encoding.Unicode.GetString(identifier.AsSpan(8));
        int end = creator.IndexOf('\0', StringComparison.Ordinal);
        return end < 0 ? creator : creator[..end];
    }

    private static async ValueTask<(VhdxHeader Header, string? Recovery)> ReadHeaderAsync(VirtualDisk container, bool isLenient, IoMode mode, CancellationToken cancellationToken)
    {
        byte[] bytes1 = new byte[VhdxConstants.HeaderLength];
        byte[] bytes2 = new byte[VhdxConstants.HeaderLength];
        await container.ReadAsync(bytes1, VhdxConstants.Header1Offset, mode, cancellationToken).ConfigureAwait(false);
        await container.ReadAsync(bytes2, VhdxConstants.Header2Offset, mode, cancellationToken).ConfigureAwait(false);
        VhdxHeader? header1 = VhdxHeader.Read(bytes1, VhdxConstants.Header1Offset);
        VhdxHeader? header2 = VhdxHeader.Read(bytes2, VhdxConstants.Header2Offset);
        string? recovery = null;
        if (header1 is not null && header2 is not null && header1.SequenceNumber == header2.SequenceNumber && !bytes1.AsSpan().SequenceEqual(bytes2))
        {
            // Equal headers are what Disk2VHD writes. Different ones of one number leave no way to tell the current one.
            recovery = isLenient ? "both headers bear the same number and differ; the first was used" : throw Fault(VhdxConstants.Header1Offset, $"both headers bear the number {header1.SequenceNumber} and differ: neither is current. A lenient open uses the first.");
        }

        VhdxHeader current = (header1, header2) switch
        {
            ({ } first, { } second) => second.SequenceNumber > first.SequenceNumber ? second : first,
            ({ } first, _) => first,
            (_, { } second) => second,
            _ => throw Fault(VhdxConstants.Header1Offset, "neither of the two headers has a right signature and checksum."),
        };
        return current.Version == 1
            ? (current, recovery)
            : throw new UnsupportedDiskFeatureException(VhdxConstants.FormatName, current.FileOffset + 66, "version", $"the image is of version {current.Version}; version 1 is known.");
    }

    private static async ValueTask<List<VhdxRegion>> ReadRegionsAsync(VirtualDisk container, IoMode mode, CancellationToken cancellationToken)
    {
        byte[] table = new byte[VhdxConstants.RegionTableLength];
        foreach (int offset in (int[])[VhdxConstants.RegionTable1Offset, VhdxConstants.RegionTable2Offset])
        {
            await container.ReadAsync(table, offset, mode, cancellationToken).ConfigureAwait(false);
            if (VhdxRegionTable.IsValid(table))
            {
                return VhdxRegionTable.Read(table, offset);
            }
        }

        throw Fault(VhdxConstants.RegionTable1Offset, "neither of the two region tables has a right signature and checksum.");
    }

    private static VhdxRegion Find(List<VhdxRegion> regions, Guid id, string what)
    {
        foreach (VhdxRegion region in regions)
        {
            if (region.Id == id)
            {
                return region;
            }
        }

        throw Fault(VhdxConstants.RegionTable1Offset, $"the region table does not name the region of the {what}.");
    }

    private static void CheckLogPlace(VhdxHeader header, List<VhdxRegion> regions)
    {
        if (header.LogLength == 0)
        {
            return;
        }

        if (header.LogOffset % VhdxConstants.MiB != 0 || header.LogLength % VhdxConstants.MiB != 0 || header.LogOffset < VhdxConstants.MiB || header.LogOffset > long.MaxValue / 2)
        {
            throw Fault(header.FileOffset + 68, $"the log is said to lie at {header.LogOffset} with {header.LogLength} bytes; both are multiples of 1 MiB, and the first MiB is taken.");
        }

        foreach (VhdxRegion region in regions)
        {
            if ((long)header.LogOffset < region.End && region.FileOffset < (long)header.LogOffset + header.LogLength)
            {
                throw Fault(header.FileOffset + 72, $"the log at {header.LogOffset} overlaps the region {region.Id} at {region.FileOffset}.");
            }
        }
    }
}
