using System;
using System.Buffers.Binary;
using CloudImage.Sdk.Formats.Vmdk;

namespace CloudImage.Sdk.Tests.Formats.Vmdk;

/// <summary>Extents that only ESXi writes, made by hand from their specification.</summary>
internal static class VmdkEsxSamples
{
    /// <summary>A COWD extent: grains of one sector; every third sector of the content is left out, every seventh a zeroed grain.</summary>
    public static byte[] Cowd(byte[] content, Func<int, bool> isPresent)
    {
        int sectors = content.Length / 512;
        int tables = (sectors + 4095) / 4096;
        byte[] image = new byte[(8 + (tables * 32) + sectors) * 512];
        Write32(image, 0, VmdkConstants.CowdMagic);
        Write32(image, 4, 1);
        Write32(image, 8, 3);
        Write32(image, 12, (uint)sectors);
        Write32(image, 16, 1);
        Write32(image, 20, 4);
        Write32(image, 24, (uint)tables);
        int next = 8 + (tables * 32);
        for (int table = 0; table < tables; table++)
        {
            Write32(image, 2048 + (table * 4), (uint)(8 + (table * 32)));
        }

        for (int sector = 0; sector < sectors; sector++)
        {
            if (isPresent(sector))
            {
                Write32(image, (8 * 512) + (sector * 4), (uint)next);
                content.AsSpan(sector * 512, 512).CopyTo(image.AsSpan(next++ * 512));
            }
        }

        return image[..(next * 512)];
    }

    /// <summary>A seSparse extent: grains of 4 KiB, of which the states cycle through none, unmapped, zero and present.</summary>
    public static byte[] SeSparse(byte[] content, bool hasJournal = false)
    {
        const int Directory = 16;
        const int Tables = 32;
        int grains = content.Length / 4096;
        int tables = (grains + 4095) / 4096;
        int grainsSector = Tables + (tables * 64);
        byte[] image = new byte[(grainsSector + (grains * 8)) * 512];
        ulong[] fields = [VmdkConstants.SeSparseMagic, VmdkConstants.SeSparseVersion, (ulong)content.Length / 512, 8, 64, 0, 0, 0, 0, 0, 1, 1, 2, 1, 3, 1, Directory, 16, Tables, (ulong)tables * 64, 0, 0, 0, 0, (ulong)grainsSector, (ulong)grains * 8];
        for (int i = 0; i < fields.Length; i++)
        {
            Write64(image, i * 8, fields[i]);
        }

        Write64(image, 512, VmdkConstants.SeSparseVolatileMagic);
        image[512 + 24] = hasJournal ? (byte)1 : (byte)0;

        // Tables in reverse order: the directory names them by number.
        for (int table = 0; table < tables; table++)
        {
            Write64(image, (Directory * 512) + (table * 8), 0x1000_0000_0000_0000UL | (uint)(tables - 1 - table));
        }

        ulong next = 0;
        for (int grain = 0; grain < grains; grain++)
        {
            int table = tables - 1 - (grain / 4096);
            int at = ((Tables + (table * 64)) * 512) + (grain % 4096 * 8);
            switch (grain % 4)
            {
                case 1:
                    Write64(image, at, 0x1000_0000_0000_0000);
                    break;
                case 2:
                    Write64(image, at, 0x2000_0000_0000_0000);
                    break;
                case 3:
                    // The low twelve bits of the number lie at the top, the others below.
                    Write64(image, at, 0x3000_0000_0000_0000 | ((next & 0xFFF) << 48) | (next >> 12));
                    content.AsSpan(grain * 4096, 4096).CopyTo(image.AsSpan((grainsSector + ((int)next * 8)) * 512));
                    next++;
                    break;
            }
        }

        return image;
    }

    private static void Write32(byte[] image, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(at), value);

    private static void Write64(byte[] image, int at, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(at), value);
}
