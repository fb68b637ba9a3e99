using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;
using static CloudImage.Sdk.Formats.Qcow2.Qcow2Constants;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>Puts an opened image together: header, snapshots, bitmaps, L1 table, data file, cipher.</summary>
internal static class Qcow2Opener
{
    public static async ValueTask<VirtualDisk> OpenAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        Qcow2Header header = await Qcow2Header.ReadAsync(container, options.Limits, mode, cancellationToken).ConfigureAwait(false);
        Qcow2SnapshotTable snapshots = await Qcow2SnapshotTable.ReadAsync(container, header, options.Limits, mode, cancellationToken).ConfigureAwait(false);
        List<Qcow2Bitmap> bitmaps = await Qcow2BitmapDirectory.ReadAsync(container, header, options.Limits, mode, cancellationToken).ConfigureAwait(false);
        (long l1Offset, int l1Entries, long virtualSize) = Choose(header, snapshots, options);
        long needed = virtualSize == 0 ? 0 : ((virtualSize - 1) / header.L2Coverage) + 1;
        if (needed > l1Entries)
        {
            throw Qcow2Header.Error(l1Offset, $"an L1 table of {l1Entries} entries is too short for a disk of {virtualSize} bytes, which needs {needed}.");
        }

        ulong[] l1 = await Qcow2Tables.ReadAsync(container, l1Offset, needed, "The L1 table", options.Limits, mode, cancellationToken).ConfigureAwait(false);
        DiskInfo info = Describe(container, header, snapshots, bitmaps, virtualSize);
        VirtualDisk data = await OpenDataAsync(container, header, info, options, mode, cancellationToken).ConfigureAwait(false);
        Qcow2Cipher? cipher = null;
        try
        {
            cipher = await OpenCipherAsync(container, header, options, mode, cancellationToken).ConfigureAwait(false);
            return new Qcow2Disk(container, header, l1, info, data, cipher, options);
        }
        catch
        {
            cipher?.Dispose();
            if (!ReferenceEquals(data, container))
            {
                data.Dispose();
            }

            throw;
        }
    }

    private static (long L1Offset, int L1Entries, long VirtualSize) Choose(Qcow2Header header, Qcow2SnapshotTable snapshots, DiskOpenOptions options)
    {
        if (options.InternalSnapshot is not { } idOrName)
        {
            return (header.L1Offset, header.L1Entries, header.VirtualSize);
        }

        Qcow2Snapshot snapshot = snapshots.Find(idOrName)
            ?? throw Qcow2Header.Error(header.SnapshotTableOffset, $"the image has no snapshot '{idOrName}'; it has {(snapshots.Snapshots.Count == 0 ? "none" : string.Join(", ", snapshots.Snapshots.Select(static one => $"{one.Id} ({one.Name})")))}.");
        return snapshot.VirtualSize > options.Limits.MaxVirtualSize
            ? throw Qcow2Header.Error(header.SnapshotTableOffset, $"the virtual size of the snapshot, {snapshot.VirtualSize} bytes, exceeds DiskReadLimits.MaxVirtualSize, {options.Limits.MaxVirtualSize}.")
            : (snapshot.L1Offset, snapshot.L1Entries, snapshot.VirtualSize);
    }

    private static DiskInfo Describe(VirtualDisk container, Qcow2Header header, Qcow2SnapshotTable snapshots, List<Qcow2Bitmap> bitmaps, long virtualSize)
    {
        List<DiskReference> references = [];
        if (header.BackingFileName is { } backing)
        {
            references.Add(new DiskReference(DiskReferenceKind.Parent, backing) { FormatName = header.BackingFormat });
        }

        if (header.HasDataFile)
        {
            references.Add(new DiskReference(DiskReferenceKind.Data, header.DataFileName ?? string.Empty) { FormatName = "raw" });
        }

        return new DiskInfo
        {
            FormatName = FormatName,
            Variant = header.Version == 2 ? "compat 0.10" : "compat 1.1",
            VirtualSize = virtualSize,
            ContainerLength = container.Length,
            AllocationUnitSize = header.ClusterSize,
            References = references,
            Features = header.DescribeFeatures(),
            Snapshots = [.. snapshots.Snapshots.Select(static snapshot => snapshot.Describe())],
            Bitmaps = [.. bitmaps.Select(static bitmap => bitmap.Describe())],
            IsDirty = header.IsDirty,
            IsEncrypted = header.CryptMethod != CryptNone,
            Details = new Dictionary<string, string>(System.StringComparer.Ordinal)
            {
                ["compat"] = header.Version == 2 ? "0.10" : "1.1",
                ["compressionType"] = header.CompressionType == CompressionZstd ? "zstd" : "zlib",
                ["refcountBits"] = (1 << header.RefcountOrder).ToString(CultureInfo.InvariantCulture),
            },
        };
    }

    private static async ValueTask<VirtualDisk> OpenDataAsync(VirtualDisk container, Qcow2Header header, DiskInfo info, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        if (!header.HasDataFile)
        {
            return container;
        }

        DiskReference reference = info.References.First(static reference => reference.Kind == DiskReferenceKind.Data);
        if (options.References is not { } resolver)
        {
            return new MissingDataFile(reference);
        }

        return reference.Name.Length == 0
            ? throw new DiskReferenceException(reference, "The image keeps its content in an external data file and does not name it.")
            : await resolver.ResolveAsync(reference, mode, cancellationToken).ConfigureAwait(false)
                ?? throw new DiskReferenceException(reference, $"The external data file '{reference.Name}' was not found.");
    }

    private static async ValueTask<Qcow2Cipher?> OpenCipherAsync(VirtualDisk container, Qcow2Header header, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        if (header.CryptMethod == CryptNone)
        {
            return null;
        }

        if (options.Passphrase is not { } passphrase)
        {
            LockedCipher locked = new(FormatName, 32, header.CryptMethod == CryptAes ? "aes-encryption" : "luks-encryption");
            return options.IsInspection ? locked : throw locked.Refusal();
        }

        return header.CryptMethod == CryptAes
            ? new LegacyAesCipher(passphrase)
            : await LuksCipher.OpenAsync(container, header, passphrase, mode, cancellationToken).ConfigureAwait(false);
    }
}
