using System;
using System.Buffers.Binary;
using CloudImage.Sdk.Formats.Vhdx;

namespace CloudImage.Sdk.Tests.Formats.Vhdx;

/// <summary>Changes fields of images that this library wrote with a log of 1 MiB, and makes their checksums right again.</summary>
internal static class VhdxBytes
{
    public const int Log = 1 << 20;
    public const int Metadata = 2 << 20;
    public const int Items = Metadata + 65536;
    public const int Bat = 3 << 20;

    public static byte[] With(byte[] image, Action<byte[]> change)
    {
        byte[] changed = [.. image];
        change(changed);
        return Seal(changed);
    }

    public static byte[] WithEntry(byte[] image, int entry, ulong value) => With(image, bytes => SetUInt64(bytes, Bat + (entry * 8), value));

    public static ulong Entry(byte[] image, int entry) => BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(Bat + (entry * 8)));

    public static void SetUInt16(byte[] bytes, int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(offset), value);

    public static void SetUInt32(byte[] bytes, int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(offset), value);

    public static void SetUInt64(byte[] bytes, int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(offset), value);

    /// <summary>Changes both headers in the same way.</summary>
    public static byte[] WithHeaders(byte[] image, Action<byte[], int> change) => With(image, bytes =>
    {
        change(bytes, VhdxConstants.Header1Offset);
        change(bytes, VhdxConstants.Header2Offset);
    });

    /// <summary>Changes both region tables in the same way.</summary>
    public static byte[] WithRegions(byte[] image, Action<byte[], int> change) => With(image, bytes =>
    {
        change(bytes, VhdxConstants.RegionTable1Offset);
        change(bytes, VhdxConstants.RegionTable2Offset);
    });

    public static byte[] Seal(byte[] image)
    {
        SealAt(image, VhdxConstants.Header1Offset, VhdxConstants.HeaderLength);
        SealAt(image, VhdxConstants.Header2Offset, VhdxConstants.HeaderLength);
        SealAt(image, VhdxConstants.RegionTable1Offset, VhdxConstants.RegionTableLength);
        SealAt(image, VhdxConstants.RegionTable2Offset, VhdxConstants.RegionTableLength);
        return image;
    }

    /// <summary>Puts a log entry into an image's log, with pages or zeros.</summary>
    public static void PutLogEntry(byte[] image, int position, Guid logId, ulong sequence, uint tail, params ReadOnlySpan<VhdxLogChange> changes)
    {
        int pages = 0;
        foreach (VhdxLogChange change in changes)
        {
            pages += change.Page is null ? 0 : 1;
        }

        Span<byte> entry = image.AsSpan(Log + position, 4096 * (1 + pages));
        entry.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(entry, VhdxConstants.LogEntrySignature);
        BinaryPrimitives.WriteInt32LittleEndian(entry[8..], entry.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[12..], tail);
        BinaryPrimitives.WriteUInt64LittleEndian(entry[16..], sequence);
        BinaryPrimitives.WriteInt32LittleEndian(entry[24..], changes.Length);
        logId.TryWriteBytes(entry[32..]);
        BinaryPrimitives.WriteInt64LittleEndian(entry[48..], image.Length);
        BinaryPrimitives.WriteInt64LittleEndian(entry[56..], image.Length);
        int page = 1;
        for (int index = 0; index < changes.Length; index++)
        {
            Span<byte> descriptor = entry.Slice(64 + (index * 32), 32);
            BinaryPrimitives.WriteInt64LittleEndian(descriptor[16..], changes[index].FileOffset);
            BinaryPrimitives.WriteUInt64LittleEndian(descriptor[24..], sequence);
            if (changes[index].Page is not { } bytes)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(descriptor, VhdxConstants.LogZeroSignature);
                BinaryPrimitives.WriteInt64LittleEndian(descriptor[8..], changes[index].Length);
                continue;
            }

            BinaryPrimitives.WriteUInt32LittleEndian(descriptor, VhdxConstants.LogDescriptorSignature);
            bytes.AsSpan(4092).CopyTo(descriptor[4..]);
            bytes.AsSpan(0, 8).CopyTo(descriptor[8..]);
            Span<byte> data = entry.Slice(4096 * page++, 4096);
            bytes.CopyTo(data);
            BinaryPrimitives.WriteUInt32LittleEndian(data, VhdxConstants.LogDataSignature);
            BinaryPrimitives.WriteUInt32LittleEndian(data[4..], (uint)(sequence >> 32));
            BinaryPrimitives.WriteUInt32LittleEndian(data[4092..], (uint)sequence);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(entry[4..], VhdxConstants.Checksum(entry));
    }

    private static void SealAt(byte[] image, int offset, int length)
    {
        if (image.Length >= offset + length)
        {
            SetUInt32(image, offset + 4, VhdxConstants.Checksum(image.AsSpan(offset, length)));
        }
    }
}
