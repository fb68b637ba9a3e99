using System;
using System.Buffers.Binary;
using CloudImage.Sdk.Formats.Vhd;

namespace CloudImage.Sdk.Tests.Formats.Vhd;

/// <summary>Changes fields of images and makes their checksums right again.</summary>
internal static class VhdBytes
{
    public const int DynamicHeader = 512;

    public static byte[] With(byte[] image, Action<byte[]> change)
    {
        byte[] changed = [.. image];
        change(changed);
        return Seal(changed);
    }

    /// <summary>Changes the footer at the end and, where there is one, its copy at the start.</summary>
    public static byte[] WithFooter(byte[] image, Action<ArraySegment<byte>> change) => With(image, bytes =>
    {
        change(new ArraySegment<byte>(bytes, bytes.Length - 512, 512));
        if (bytes.AsSpan().StartsWith("conectix"u8))
        {
            change(new ArraySegment<byte>(bytes, 0, 512));
        }
    });

    public static byte[] WithHeader(byte[] image, Action<ArraySegment<byte>> change) => With(image, bytes => change(new ArraySegment<byte>(bytes, DynamicHeader, 1024)));

    public static void SetUInt32(ArraySegment<byte> bytes, int offset, uint value) => BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(offset), value);

    public static void SetUInt64(ArraySegment<byte> bytes, int offset, ulong value) => BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(offset), value);

    public static uint TableEntry(byte[] image, int block) =>
        BinaryPrimitives.ReadUInt32BigEndian(image.AsSpan((int)BinaryPrimitives.ReadUInt64BigEndian(image.AsSpan(DynamicHeader + 16)) + (block * 4)));

    public static byte[] WithTableEntry(byte[] image, int block, uint value) => With(image, bytes =>
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan((int)BinaryPrimitives.ReadUInt64BigEndian(bytes.AsSpan(DynamicHeader + 16)) + (block * 4)), value));

    public static byte[] Seal(byte[] image)
    {
        if (image.Length < 512)
        {
            return image;
        }

        SealFooter(image.AsSpan(image.Length - 512));
        if (image.AsSpan().StartsWith("conectix"u8))
        {
            SealFooter(image.AsSpan(0, 512));
            if (image.Length >= DynamicHeader + 1024)
            {
                Span<byte> header = image.AsSpan(DynamicHeader, 1024);
                BinaryPrimitives.WriteUInt32BigEndian(header[36..], VhdConstants.Checksum(header, 36));
            }
        }

        return image;
    }

    private static void SealFooter(Span<byte> footer)
    {
        if (footer.StartsWith("conectix"u8))
        {
            BinaryPrimitives.WriteUInt32BigEndian(footer[64..], VhdConstants.Checksum(footer, 64));
        }
    }
}
