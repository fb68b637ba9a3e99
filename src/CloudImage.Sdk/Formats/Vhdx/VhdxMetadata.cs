using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vhdx;

/// <summary>The items of the metadata region: sizes, id and parent of the disk. Little endian.</summary>
internal sealed class VhdxMetadata
{
    private const int EntryLength = 32;
    private const uint VirtualDiskFlag = 2;
    private const uint RequiredFlag = 4;

    public required int BlockSize { get; init; }

    /// <summary>Whether blocks keep their places for good: a fixed disk.</summary>
    public required bool LeavesBlocksAllocated { get; init; }

    public required bool HasParent { get; init; }

    public required long Length { get; init; }

    public required int LogicalSectorSize { get; init; }

    public required int PhysicalSectorSize { get; init; }

    public required Guid DiskId { get; init; }

    public VhdxParentLocator? Parent { get; init; }

    /// <summary>Position of the item with the length of the disk, in the file.</summary>
    public required long LengthItemOffset { get; init; }

    public static async ValueTask<VhdxMetadata> LoadAsync(VirtualDisk container, VhdxRegion region, DiskReadLimits limits, IoMode mode, CancellationToken cancellationToken)
    {
        byte[] table = new byte[VhdxConstants.MetadataTableLength];
        await container.ReadAsync(table, region.FileOffset, mode, cancellationToken).ConfigureAwait(false);
        Dictionary<Guid, (long FileOffset, int Length)> items = ReadTable(table, region);

        byte[] parameters = await ReadItemAsync(container, items, VhdxConstants.FileParametersItem, 8, mode, cancellationToken).ConfigureAwait(false);
        byte[] length = await ReadItemAsync(container, items, VhdxConstants.VirtualDiskSizeItem, 8, mode, cancellationToken).ConfigureAwait(false);
        byte[] logical = await ReadItemAsync(container, items, VhdxConstants.LogicalSectorSizeItem, 4, mode, cancellationToken).ConfigureAwait(false);
        byte[] physical = await ReadItemAsync(container, items, VhdxConstants.PhysicalSectorSizeItem, 4, mode, cancellationToken).ConfigureAwait(false);
        byte[] id = await ReadItemAsync(container, items, VhdxConstants.DiskIdItem, 16, mode, cancellationToken).ConfigureAwait(false);
        uint flags = BinaryPrimitives.ReadUInt32LittleEndian(parameters.AsSpan(4));
        bool hasParent = (flags & 2) != 0;
        VhdxMetadata metadata = new()
        {
            BlockSize = ReadSize(parameters, items[VhdxConstants.FileParametersItem].FileOffset, "block size", VhdxConstants.MinBlockSize, VhdxConstants.MaxBlockSize),
            LeavesBlocksAllocated = (flags & 1) != 0,
            HasParent = hasParent,
            Length = ReadLength(length, items[VhdxConstants.VirtualDiskSizeItem].FileOffset, limits),
            LogicalSectorSize = ReadSectorSize(logical, items[VhdxConstants.LogicalSectorSizeItem].FileOffset),
            PhysicalSectorSize = ReadSectorSize(physical, items[VhdxConstants.PhysicalSectorSizeItem].FileOffset),
            DiskId = new Guid(id),
            LengthItemOffset = items[VhdxConstants.VirtualDiskSizeItem].FileOffset,
            Parent = hasParent ? await ReadParentAsync(container, items, limits, mode, cancellationToken).ConfigureAwait(false) : null,
        };
        return metadata.Length % metadata.LogicalSectorSize == 0
            ? metadata
            : throw VhdxImage.Fault(metadata.LengthItemOffset, $"the disk has {metadata.Length} bytes, no multiple of its sectors of {metadata.LogicalSectorSize}.");
    }

    /// <summary>The bytes of a new metadata region: the table and its items.</summary>
    public static byte[] ToArray(int blockSize, bool leavesBlocksAllocated, long length, int logicalSectorSize, int physicalSectorSize, Guid diskId, byte[]? parentLocator)
    {
        byte[] parameters = new byte[8];
        BinaryPrimitives.WriteUInt32LittleEndian(parameters, (uint)blockSize);
        BinaryPrimitives.WriteUInt32LittleEndian(parameters.AsSpan(4), (leavesBlocksAllocated ? 1U : 0) | (parentLocator is null ? 0 : 2U));
        List<(Guid Id, byte[] Bytes, uint Flags)> items =
        [
            (VhdxConstants.FileParametersItem, parameters, RequiredFlag),
            (VhdxConstants.VirtualDiskSizeItem, BitConverter.GetBytes(BitConverter.IsLittleEndian ? (ulong)length : BinaryPrimitives.ReverseEndianness((ulong)length)), VirtualDiskFlag | RequiredFlag),
            (VhdxConstants.DiskIdItem, diskId.ToByteArray(), VirtualDiskFlag | RequiredFlag),
            (VhdxConstants.LogicalSectorSizeItem, SizeBytes(logicalSectorSize), VirtualDiskFlag | RequiredFlag),
            (VhdxConstants.PhysicalSectorSizeItem, SizeBytes(physicalSectorSize), VirtualDiskFlag | RequiredFlag),
        ];
        if (parentLocator is not null)
        {
            items.Add((VhdxConstants.ParentLocatorItem, parentLocator, RequiredFlag));
        }

        int total = VhdxConstants.MetadataTableLength;
        items.ForEach(item => total += (int)VhdxConstants.Align(item.Bytes.Length, 8));
        byte[] region = new byte[total];
        VhdxConstants.MetadataSignature.CopyTo(region);
        BinaryPrimitives.WriteUInt16LittleEndian(region.AsSpan(10), (ushort)items.Count);
        int position = VhdxConstants.MetadataTableLength;
        for (int index = 0; index < items.Count; index++)
        {
            (Guid id, byte[] bytes, uint flags) = items[index];
            Span<byte> entry = region.AsSpan(EntryLength + (index * EntryLength), EntryLength);
            id.TryWriteBytes(entry);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[16..], (uint)position);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[20..], (uint)bytes.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[24..], flags);
            bytes.CopyTo(region.AsSpan(position));
            position += (int)VhdxConstants.Align(bytes.Length, 8);
        }

        return region;
    }

    private static byte[] SizeBytes(int size)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, size);
        return bytes;
    }

    private static Dictionary<Guid, (long FileOffset, int Length)> ReadTable(byte[] table, VhdxRegion region)
    {
        if (!table.AsSpan().StartsWith(VhdxConstants.MetadataSignature))
        {
            throw VhdxImage.Fault(region.FileOffset, "the metadata table does not begin with 'metadata'.");
        }

        int count = BinaryPrimitives.ReadUInt16LittleEndian(table.AsSpan(10));
        if (count > VhdxConstants.MaxMetadataEntries)
        {
            throw VhdxImage.Fault(region.FileOffset + 10, $"the metadata table names {count} items; there is room for {VhdxConstants.MaxMetadataEntries}.");
        }

        Dictionary<Guid, (long FileOffset, int Length)> items = [];
        for (int index = 0; index < count; index++)
        {
            int position = EntryLength + (index * EntryLength);
            ReadOnlySpan<byte> entry = table.AsSpan(position, EntryLength);
            Guid id = new(entry[..16]);
            uint offset = BinaryPrimitives.ReadUInt32LittleEndian(entry[16..]);
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(entry[20..]);
            uint flags = BinaryPrimitives.ReadUInt32LittleEndian(entry[24..]);
            bool isUser = (flags & 1) != 0;
            if (isUser)
            {
                continue;
            }

            if (!IsKnown(id))
            {
                if ((flags & RequiredFlag) != 0)
                {
                    throw new UnsupportedDiskFeatureException(VhdxConstants.FormatName, region.FileOffset + position, $"metadata {id}", $"the metadata item {id} must be understood to open the image, and is not known.");
                }

                continue;
            }

            if (offset < VhdxConstants.MetadataTableLength || offset > region.Length || length > region.Length - offset || length > VhdxConstants.MiB)
            {
                throw VhdxImage.Fault(region.FileOffset + position, $"the metadata item {id} at {offset} with {length} bytes does not lie behind the table and within the region of {region.Length} bytes.");
            }

            if (!items.TryAdd(id, (region.FileOffset + offset, (int)length)))
            {
                throw VhdxImage.Fault(region.FileOffset + position, $"the metadata item {id} is there twice.");
            }
        }

        return items;
    }

    private static bool IsKnown(Guid id) =>
        id == VhdxConstants.FileParametersItem || id == VhdxConstants.VirtualDiskSizeItem || id == VhdxConstants.DiskIdItem
        || id == VhdxConstants.LogicalSectorSizeItem || id == VhdxConstants.PhysicalSectorSizeItem || id == VhdxConstants.ParentLocatorItem;

    private static async ValueTask<byte[]> ReadItemAsync(VirtualDisk container, Dictionary<Guid, (long FileOffset, int Length)> items, Guid id, int length, IoMode mode, CancellationToken cancellationToken)
    {
        if (!items.TryGetValue(id, out (long FileOffset, int Length) item))
        {
            throw VhdxImage.Fault(0, $"the metadata item {id}, which every image has, is missing.");
        }

        if (item.Length < length)
        {
            throw VhdxImage.Fault(item.FileOffset, $"the metadata item {id} has {item.Length} bytes and not {length}.");
        }

        byte[] bytes = new byte[length];
        await container.ReadAsync(bytes, item.FileOffset, mode, cancellationToken).ConfigureAwait(false);
        return bytes;
    }

    private static async ValueTask<VhdxParentLocator> ReadParentAsync(VirtualDisk container, Dictionary<Guid, (long FileOffset, int Length)> items, DiskReadLimits limits, IoMode mode, CancellationToken cancellationToken)
    {
        if (!items.TryGetValue(VhdxConstants.ParentLocatorItem, out (long FileOffset, int Length) item))
        {
            throw VhdxImage.Fault(0, "the image is said to have a parent, and no parent locator names it.");
        }

        if (item.Length > limits.MaxTextLength)
        {
            throw VhdxImage.Fault(item.FileOffset, $"the parent locator has {item.Length} bytes, more than the limit of {limits.MaxTextLength} (DiskReadLimits.MaxTextLength).");
        }

        byte[] bytes = new byte[item.Length];
        await container.ReadAsync(bytes, item.FileOffset, mode, cancellationToken).ConfigureAwait(false);
        return VhdxParentLocator.Read(bytes, item.FileOffset);
    }

    private static int ReadSize(byte[] bytes, long fileOffset, string what, int min, int max)
    {
        uint size = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        return size >= min && size <= max && int.IsPow2((int)size)
            ? (int)size
            : throw VhdxImage.Fault(fileOffset, $"the {what} is {size}, not a power of two from {min} to {max}.");
    }

    private static int ReadSectorSize(byte[] bytes, long fileOffset)
    {
        uint size = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        return size is 512 or 4096 ? (int)size : throw VhdxImage.Fault(fileOffset, $"the sector size is {size}; 512 and 4096 are known.");
    }

    private static long ReadLength(byte[] bytes, long fileOffset, DiskReadLimits limits)
    {
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        if (length > VhdxConstants.MaxLength)
        {
            throw VhdxImage.Fault(fileOffset, $"the disk has {length} bytes, more than the 64 TiB of the format.");
        }

        return length <= (ulong)Math.Max(0, limits.MaxVirtualSize)
            ? (long)length
            : throw VhdxImage.Fault(fileOffset, $"the disk has {length} bytes, more than the limit of {limits.MaxVirtualSize} (DiskReadLimits.MaxVirtualSize).");
    }
}
