using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Text;

namespace CloudImage.Sdk.Formats.Vhd;

/// <summary>The 1024 bytes that describe the block table and the parent. Big endian.</summary>
internal sealed class VhdDynamicHeader
{
    private const int ChecksumOffset = 36;
    private const int LocatorOffset = 576;
    private const int LocatorLength = 24;
    private const int ParentNameLength = 512;

    public ulong TableOffset { get; init; }

    public uint Version { get; init; } = VhdConstants.FileFormatVersion;

    public uint TableEntries { get; init; }

    public uint BlockSize { get; init; }

    public Guid ParentId { get; init; }

    public uint ParentTimestamp { get; init; }

    public string ParentName { get; init; } = string.Empty;

    public IReadOnlyList<VhdParentLocator> Locators { get; init; } = [];

    /// <summary>Whether the checksum that was read is right.</summary>
    public bool IsChecksumValid { get; private init; } = true;

    /// <summary>Reads a header.</summary>
    /// <returns>The header; null where the cookie is missing.</returns>
    public static VhdDynamicHeader? Read(ReadOnlySpan<byte> source)
    {
        if (source.Length < VhdConstants.DynamicHeaderLength || !source.StartsWith(VhdConstants.HeaderCookie))
        {
            return null;
        }

        string name = Encoding.BigEndianUnicode.GetString(source.Slice(64, ParentNameLength));
        int end = name.IndexOf('\0', StringComparison.Ordinal);
        return new VhdDynamicHeader
        {
            TableOffset = BinaryPrimitives.ReadUInt64BigEndian(source[16..]),
            Version = BinaryPrimitives.ReadUInt32BigEndian(source[24..]),
            TableEntries = BinaryPrimitives.ReadUInt32BigEndian(source[28..]),
            BlockSize = BinaryPrimitives.ReadUInt32BigEndian(source[32..]),
            ParentId = new Guid(source.Slice(40, 16), bigEndian: true),
            ParentTimestamp = BinaryPrimitives.ReadUInt32BigEndian(source[56..]),
            ParentName = end < 0 ? name : name[..end],
            Locators = ReadLocators(source),
            IsChecksumValid = BinaryPrimitives.ReadUInt32BigEndian(source[ChecksumOffset..]) == VhdConstants.Checksum(source[..VhdConstants.DynamicHeaderLength], ChecksumOffset),
        };
    }

    /// <summary>The bytes of the header, with their checksum.</summary>
    public byte[] ToArray()
    {
        byte[] bytes = new byte[VhdConstants.DynamicHeaderLength];
        Span<byte> target = bytes;
        VhdConstants.HeaderCookie.CopyTo(target);
        BinaryPrimitives.WriteUInt64BigEndian(target[8..], ulong.MaxValue);
        BinaryPrimitives.WriteUInt64BigEndian(target[16..], TableOffset);
        BinaryPrimitives.WriteUInt32BigEndian(target[24..], Version);
        BinaryPrimitives.WriteUInt32BigEndian(target[28..], TableEntries);
        BinaryPrimitives.WriteUInt32BigEndian(target[32..], BlockSize);
        ParentId.TryWriteBytes(target[40..], bigEndian: true, out _);
        BinaryPrimitives.WriteUInt32BigEndian(target[56..], ParentTimestamp);
        Encoding.BigEndianUnicode.GetBytes(ParentName.AsSpan(0, Math.Min(ParentName.Length, (ParentNameLength / 2) - 1)), target[64..]);
        for (int index = 0; index < Locators.Count; index++)
        {
            Span<byte> entry = target.Slice(LocatorOffset + (index * LocatorLength), LocatorLength);
            BinaryPrimitives.WriteUInt32BigEndian(entry, Locators[index].Code);
            BinaryPrimitives.WriteUInt32BigEndian(entry[4..], Locators[index].Space);
            BinaryPrimitives.WriteUInt32BigEndian(entry[8..], Locators[index].Length);
            BinaryPrimitives.WriteUInt64BigEndian(entry[16..], Locators[index].FileOffset);
        }

        return Seal(bytes);
    }

    /// <summary>Changes the place and the length of the block table in a header's bytes: all of it lies in the first sector.</summary>
    public static byte[] WithTable(byte[] header, long tableOffset, uint tableEntries)
    {
        BinaryPrimitives.WriteUInt64BigEndian(header.AsSpan(16), (ulong)tableOffset);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(28), tableEntries);
        return Seal(header);
    }

    private static byte[] Seal(byte[] header)
    {
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(ChecksumOffset), VhdConstants.Checksum(header, ChecksumOffset));
        return header;
    }

    private static List<VhdParentLocator> ReadLocators(ReadOnlySpan<byte> source)
    {
        List<VhdParentLocator> locators = [];
        for (int index = 0; index < VhdConstants.LocatorCount; index++)
        {
            ReadOnlySpan<byte> entry = source.Slice(LocatorOffset + (index * LocatorLength), LocatorLength);
            uint code = BinaryPrimitives.ReadUInt32BigEndian(entry);
            if (code != 0)
            {
                locators.Add(new VhdParentLocator(
                    code,
                    BinaryPrimitives.ReadUInt32BigEndian(entry[4..]),
                    BinaryPrimitives.ReadUInt32BigEndian(entry[8..]),
                    BinaryPrimitives.ReadUInt64BigEndian(entry[16..])));
            }
        }

        return locators;
    }
}
