using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Text;
using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Formats.Vhdx;

/// <summary>The names of the parent and the id its content must have: pairs of UTF-16 strings. Little endian.</summary>
internal sealed class VhdxParentLocator
{
    private const int HeaderLength = 20;
    private const int EntryLength = 12;
    private const int MaxPairs = 256;
    private static readonly string[] s_pathKeys = ["relative_path", "volume_path", "absolute_win32_path"];

    /// <summary>The data write id of the parent.</summary>
    public required Guid Linkage { get; init; }

    /// <summary>Paths in the order in which they are tried.</summary>
    public required IReadOnlyList<string> Paths { get; init; }

    /// <summary>Reads the item's bytes.</summary>
    /// <exception cref="DiskFormatException">The item is not valid.</exception>
    public static VhdxParentLocator Read(ReadOnlySpan<byte> item, long fileOffset)
    {
        if (item.Length < HeaderLength)
        {
            throw VhdxImage.Fault(fileOffset, $"the parent locator has {item.Length} bytes, fewer than its header.");
        }

        Guid type = new(item[..16]);
        if (type != VhdxConstants.ParentLocatorType)
        {
            throw new UnsupportedDiskFeatureException(VhdxConstants.FormatName, fileOffset, $"parent locator {type}", $"the parent locator is of the type {type}, which is not known.");
        }

        int count = BinaryPrimitives.ReadUInt16LittleEndian(item[18..]);
        if (count > MaxPairs || item.Length < HeaderLength + (count * EntryLength))
        {
            throw VhdxImage.Fault(fileOffset + 18, $"the parent locator of {item.Length} bytes names {count} pairs; it has no room for them, or more than {MaxPairs}.");
        }

        Dictionary<string, string> pairs = new(StringComparer.Ordinal);
        for (int index = 0; index < count; index++)
        {
            ReadOnlySpan<byte> entry = item.Slice(HeaderLength + (index * EntryLength), EntryLength);
            string key = ReadText(item, fileOffset, BinaryPrimitives.ReadUInt32LittleEndian(entry), BinaryPrimitives.ReadUInt16LittleEndian(entry[8..]));
            string value = ReadText(item, fileOffset, BinaryPrimitives.ReadUInt32LittleEndian(entry[4..]), BinaryPrimitives.ReadUInt16LittleEndian(entry[10..]));
            if (!pairs.TryAdd(key, value))
            {
                throw VhdxImage.Fault(fileOffset, $"the parent locator has the key '{key}' twice.");
            }
        }

        if (!pairs.TryGetValue("parent_linkage", out string? linkage) || !Guid.TryParse(linkage, out Guid id))
        {
            throw VhdxImage.Fault(fileOffset, "the parent locator has no key 'parent_linkage' with an id.");
        }

        List<string> paths = [];
        foreach (string key in s_pathKeys)
        {
            if (pairs.TryGetValue(key, out string? path) && path.Length > 0)
            {
                paths.Add(path);
            }
        }

        return new VhdxParentLocator { Linkage = id, Paths = WindowsFileName.WithPlainNames(paths) };
    }

    /// <summary>The bytes of an item that names a parent.</summary>
    /// <exception cref="ArgumentException">The reference has no id, or its names are too long.</exception>
    public static byte[] ToArray(DiskReference parent)
    {
        if (!Guid.TryParse(parent.LinkageId, out Guid linkage))
        {
            throw new ArgumentException("A differencing VHDX names its parent by the id of its content: give the parent's DiskInfo.LinkageId with the reference.", nameof(parent));
        }

        string plain = WindowsFileName.PlainName(parent.Name);
        List<(string Key, string Value)> pairs =
        [
            ("parent_linkage", linkage.ToString("B")),
            ("relative_path", parent.Name == plain ? $".\\{plain}" : parent.Name.Replace('/', '\\')),
        ];
        foreach (string name in parent.AlternativeNames)
        {
            if (name.Length > 2 && name[1] == ':')
            {
                pairs.Add(("absolute_win32_path", name.Replace('/', '\\')));
                break;
            }
        }

        return Serialize(pairs);
    }

    private static byte[] Serialize(List<(string Key, string Value)> pairs)
    {
        int position = HeaderLength + (pairs.Count * EntryLength);
        int length = position;
        foreach ((string key, string value) in pairs)
        {
            length += (key.Length + value.Length) * 2;
        }

        byte[] bytes = new byte[length];
        VhdxConstants.ParentLocatorType.TryWriteBytes(bytes);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(18), (ushort)pairs.Count);
        for (int index = 0; index < pairs.Count; index++)
        {
            (string key, string value) = pairs[index];
            if (value.Length > ushort.MaxValue / 2)
            {
                throw new ArgumentException($"The parent's name has {value.Length} characters, more than an image can hold.", nameof(pairs));
            }

            Span<byte> entry = bytes.AsSpan(HeaderLength + (index * EntryLength), EntryLength);
            BinaryPrimitives.WriteUInt32LittleEndian(entry, (uint)position);
            position += WriteText(bytes, position, key);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[4..], (uint)position);
            position += WriteText(bytes, position, value);
            BinaryPrimitives.WriteUInt16LittleEndian(entry[8..], (ushort)(key.Length * 2));
            BinaryPrimitives.WriteUInt16LittleEndian(entry[10..], (ushort)(value.Length * 2));
        }

        return bytes;
    }

    private static int WriteText(byte[] bytes, int position, string text) => Encoding.Unicode.GetBytes(text, bytes.AsSpan(position));

    private static string ReadText(ReadOnlySpan<byte> item, long fileOffset, uint offset, int length) =>
        offset <= (uint)item.Length && length <= item.Length - (int)offset
            ? Encoding.Unicode.GetString(item.Slice((int)offset, length))
            : throw VhdxImage.Fault(fileOffset, $"a string of the parent locator at {offset} with {length} bytes leaves the item of {item.Length} bytes.");
}
