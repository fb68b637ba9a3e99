using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;
using static CloudImage.Sdk.Formats.Qcow2.Qcow2Constants;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>Reads the persistent dirty bitmaps of a qcow2 image, which name what was written since they were cleared.</summary>
/// <remarks>Thread-safe. Specification: qemu, docs/interop/qcow2, "Bitmaps".</remarks>
public static class Qcow2Bitmaps
{
    private const byte DirtyTracking = 1;

    /// <summary>Reads one bitmap as a map: what is in it was written, what is not is unchanged.</summary>
    /// <param name="container">The bytes of the image; left open.</param>
    /// <param name="name">Name of the bitmap, as <see cref="DiskInfo.Bitmaps"/> lists it.</param>
    /// <param name="limits">What reading may cost.</param>
    /// <returns>The ranges whose bits are set, as extents of the kind <see cref="DiskExtentKind.Data"/>.</returns>
    /// <exception cref="DiskFormatException">The image is not valid, has no bitmap of that name, or was not closed in order so that its bits cannot be relied on.</exception>
    /// <exception cref="UnsupportedDiskFeatureException">The bitmap is of a kind that is not known.</exception>
    public static BlockMap Read(VirtualDisk container, string name, DiskReadLimits limits)
    {
        ArgumentNullException.ThrowIfNull(container);
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(limits);
        return SyncBridge.Completed(ReadAsync(container, name, limits, IoMode.Synchronous, CancellationToken.None));
    }

    /// <summary>Reads one bitmap as a map: what is in it was written, what is not is unchanged.</summary>
    /// <param name="container">The bytes of the image; left open.</param>
    /// <param name="name">Name of the bitmap, as <see cref="DiskInfo.Bitmaps"/> lists it.</param>
    /// <param name="limits">What reading may cost.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The ranges whose bits are set, as extents of the kind <see cref="DiskExtentKind.Data"/>.</returns>
    /// <exception cref="DiskFormatException">The image is not valid, has no bitmap of that name, or was not closed in order so that its bits cannot be relied on.</exception>
    /// <exception cref="UnsupportedDiskFeatureException">The bitmap is of a kind that is not known.</exception>
    public static ValueTask<BlockMap> ReadAsync(VirtualDisk container, string name, DiskReadLimits limits, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(container);
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(limits);
        return ReadAsync(container, name, limits, IoMode.Asynchronous, cancellationToken);
    }

    private static async ValueTask<BlockMap> ReadAsync(VirtualDisk container, string name, DiskReadLimits limits, IoMode mode, CancellationToken cancellationToken)
    {
        Qcow2Header header = await Qcow2Header.ReadAsync(container, limits, mode, cancellationToken).ConfigureAwait(false);
        List<Qcow2Bitmap> bitmaps = await Qcow2BitmapDirectory.ReadAsync(container, header, limits, mode, cancellationToken).ConfigureAwait(false);
        Qcow2Bitmap bitmap = bitmaps.Find(candidate => candidate.Name == name)
            ?? throw Qcow2Header.Error(header.BitmapDirectoryOffset, $"the image has no bitmap '{name}'.");
        CheckUsable(header, bitmap);
        long bits = header.VirtualSize == 0 ? 0 : ((header.VirtualSize - 1) >> bitmap.GranularityBits) + 1;
        long bytes = (bits + 7) / 8;
        long clusters = (bytes + header.ClusterSize - 1) >> header.ClusterBits;
        if (bitmap.TableEntries != clusters)
        {
            throw Qcow2Header.Error(bitmap.TableOffset, $"the table of the bitmap '{name}' has {bitmap.TableEntries} entries; {clusters} cover the disk.");
        }

        ulong[] table = await Qcow2Tables.ReadAsync(container, bitmap.TableOffset, bitmap.TableEntries, "The table of a bitmap", limits, mode, cancellationToken).ConfigureAwait(false);
        RangeBuilder ranges = new(header.VirtualSize, bitmap.GranularityBits, limits);
        byte[] cluster = new byte[header.ClusterSize];
        for (int index = 0; index < table.Length; index++)
        {
            long firstBit = (long)index * header.ClusterSize * 8;
            int bitCount = (int)Math.Min((long)header.ClusterSize * 8, bits - firstBit);
            long fileOffset = (long)(table[index] & OffsetMask);
            if (fileOffset == 0)
            {
                // Without a cluster, bit 0 tells whether all of its bits are ones or zeros.
                ranges.AppendAll(firstBit, bitCount, (table[index] & 1) != 0);
                continue;
            }

            if ((fileOffset & (header.ClusterSize - 1)) != 0 || fileOffset >= container.Length)
            {
                throw Qcow2Header.Error(bitmap.TableOffset + (index * 8L), $"entry {index} of the table of the bitmap '{name}' points to 0x{fileOffset:x}, not aligned or beyond the end of the image.");
            }

            int count = await container.ReadAsync(cluster, fileOffset, mode, cancellationToken).ConfigureAwait(false);
            cluster.AsSpan(count).Clear();
            ranges.Append(firstBit, bitCount, cluster);
        }

        return ranges.ToMap();
    }

    private static void CheckUsable(Qcow2Header header, Qcow2Bitmap bitmap)
    {
        if (bitmap.Type != DirtyTracking || bitmap.HasExtraData)
        {
            throw new UnsupportedDiskFeatureException(Qcow2Constants.FormatName, header.BitmapDirectoryOffset, $"bitmap-type-{bitmap.Type}", $"the bitmap '{bitmap.Name}' is of type {bitmap.Type}{(bitmap.HasExtraData ? " with extra data" : string.Empty)}, which is not known.");
        }

        if (bitmap.IsInUse)
        {
            throw Qcow2Header.Error(header.BitmapDirectoryOffset, $"the bitmap '{bitmap.Name}' was in use when the image was last written, so that its bits cannot be relied on.");
        }
    }

    /// <summary>Joins set bits to extents.</summary>
    private sealed class RangeBuilder(long virtualSize, int granularityBits, DiskReadLimits limits)
    {
        private readonly List<DiskExtent> _extents = [];
        private readonly long _maxExtents = limits.MaxMetadataMemory / 24;
        private long _start = -1;
        private long _end;

        public void AppendAll(long firstBit, int count, bool isSet)
        {
            if (isSet)
            {
                Set(firstBit, count);
            }
        }

        public void Append(long firstBit, int count, ReadOnlySpan<byte> bits)
        {
            for (int index = 0; index < count;)
            {
                byte value = bits[index >> 3];
                if ((index & 7) == 0 && value is 0 or 0xFF)
                {
                    AppendAll(firstBit + index, Math.Min(8, count - index), value != 0);
                    index += 8;
                    continue;
                }

                AppendAll(firstBit + index, 1, ((value >> (index & 7)) & 1) != 0);
                index++;
            }
        }

        public BlockMap ToMap()
        {
            Finish();
            return new BlockMap(_extents);
        }

        private void Set(long firstBit, int count)
        {
            if (_start < 0 || _end != firstBit)
            {
                Finish();
                _start = firstBit;
            }

            _end = firstBit + count;
        }

        private void Finish()
        {
            if (_start < 0)
            {
                return;
            }

            if (_extents.Count >= _maxExtents)
            {
                throw new DiskFormatException($"A bitmap has more than {_maxExtents} ranges, which exceeds DiskReadLimits.MaxMetadataMemory.");
            }

            long offset = _start << granularityBits;
            long end = _end > virtualSize >> granularityBits ? virtualSize : _end << granularityBits;
            _extents.Add(new DiskExtent(offset, end - offset, DiskExtentKind.Data));
            _start = -1;
        }
    }
}
