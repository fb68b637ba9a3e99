using System;
using System.Buffers.Binary;
using System.Linq;
using System.Text;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Qcow2;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Qcow2;

/// <summary>The published classes of attacks on readers of qcow2, each by the header fields it pokes.</summary>
public sealed class Qcow2SecurityTests
{
    private static readonly byte[] s_image = Qcow2DiskConformanceTests.Write(MixedContent.Make(400_000, 6), new Qcow2Options { ClusterSize = 4096 });

    /// <summary>Offset, value and width of what is written over the header; each must be refused when the image is opened.</summary>
    public static TheoryData<string, int, ulong, int> HeaderPokes => new()
    {
        { "cluster bits too many", 20, 0xFFFFFFFF, 4 },
        { "cluster bits a shift beyond the word", 20, 64, 4 },
        { "cluster bits too few", 20, 8, 4 },
        { "cluster bits none", 20, 0, 4 },
        { "header longer than its cluster", 100, 0x1000_0000, 4 },
        { "header shorter than its fields", 100, 72, 4 },
        { "header length no multiple of 8", 100, 107, 4 },
        { "refcount order beyond 64 bits", 96, 7, 4 },
        { "refcount order huge", 96, 0xFFFFFFFF, 4 },
        { "refcount table beyond the limit", 56, 0x8000_0000, 4 },
        { "refcount table not aligned", 48, 0x7001, 8 },
        { "refcount table beyond 2^63", 48, 0xFFFF_FFFF_FFFF_F000, 8 },
        { "L1 with 2^32 entries", 36, 0xFFFFFFFF, 4 },
        { "L1 of more than 32 MiB", 36, (32 << 20) / 8 + 1, 4 },
        { "L1 shorter than the disk needs", 36, 0, 4 },
        { "L1 not aligned", 40, 0x5001, 8 },
        { "L1 beyond the end", 40, 0x7FFF_FFFF_FFFF_F000, 8 },
        { "L1 sum beyond 2^63", 40, 0xFFFF_FFFF_FFFF_F000, 8 },
        { "virtual size negative", 24, 0xFFFF_FFFF_FFFF_FE00, 8 },
        { "virtual size beyond the L1", 24, 1UL << 61, 8 },
        { "snapshots beyond the limit", 60, 0xFFFFFFFF, 4 },
        { "snapshots without a table", 60, 1, 4 },
        { "backing name too long", 16, 1024, 4 },
        { "encryption unknown", 32, 3, 4 },
        { "version unknown", 4, 4, 4 },
        { "version none", 4, 0, 4 },
        { "compression type without its bit", 104, 1, 1 },
        { "compression type unknown", 104, 9, 1 },
        { "compression bit without a type", 72, 8, 8 },
        { "feature unknown", 72, 1UL << 63, 8 },
        { "extended L2 with small clusters", 72, 16, 8 },
    };

    [Theory]
    [MemberData(nameof(HeaderPokes))]
    public void Open_PokedHeader_IsRefused(string what, int place, ulong value, int width)
    {
        byte[] image = Poke(place, value, width);
        if (what == "backing name too long")
        {
            image = PokeIn(image, 8, 0x200, 8);
        }

        DiskFormatException exception = Assert.Throws<DiskFormatException>(() =>
        {
            try
            {
                Open(image).Dispose();
            }
            catch (UnsupportedDiskFeatureException unsupported)
            {
                throw new DiskFormatException("qcow2", unsupported.Offset ?? 0, unsupported.Message, unsupported);
            }
        });
        Assert.NotNull(exception.Offset);
        DiskInspection inspection = DiskImage.Inspect(new MemoryDisk(image), new DiskOpenOptions { Format = Qcow2Format.Instance });
        Assert.False(inspection.IsSafe);
    }

    [Fact]
    public void Open_ExtensionOf4GiB_IsRefused()
    {
        byte[] image = Poke(112, 0x6803F857, 4);
        image = PokeIn(image, 116, 0xFFFFFFFF, 4);
        Assert.Equal(112, Assert.Throws<DiskFormatException>(() => Open(image)).Offset);
    }

    [Fact]
    public void Open_UnknownFeature_IsNamedByTheImagesOwnTable()
    {
        byte[] image = Poke(72, 1UL << 9, 8);
        int row = image.AsSpan().IndexOf("dirty bit"u8) - 2;
        image[row + 1] = 9;
        Encoding.ASCII.GetBytes("frobnication\0").CopyTo(image.AsSpan(row + 2));
        UnsupportedDiskFeatureException exception = Assert.Throws<UnsupportedDiskFeatureException>(() => Open(image));
        Assert.Contains("frobnication", exception.Feature, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_SparseGiantL1_CostsNoMemoryOfItsSize()
    {
        // 4 Mi entries are asked for, the file has none of them: refused before anything is allocated for them.
        byte[] image = PokeIn(Poke(36, (32 << 20) / 8, 4), 24, 1UL << 40, 8);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<DiskFormatException>(() => Open(image));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 4 << 20);
    }

    [Theory]
    [InlineData(0x0000_0000_0000_0001UL)]
    [InlineData(0x00FF_FFFF_FFFF_F000UL)]
    [InlineData(0x0000_0000_0000_1200UL)]
    public void Read_L1EntryToAnImpossiblePlace_IsRefused(ulong entry)
    {
        long l1 = BinaryPrimitives.ReadInt64BigEndian(s_image.AsSpan(40));
        byte[] image = Poke((int)l1, entry == 1 ? 0x8000_0000_0000_0E00 : entry, 8);
        using VirtualDisk disk = Open(image);
        Assert.Throws<DiskFormatException>(() => disk.Read(new byte[4096], 0));
        Assert.Throws<DiskFormatException>(() => disk.GetExtents(0, disk.Length).Count());
    }

    [Fact]
    public void Read_L2TableThatIsItself_Ends()
    {
        // An L2 table whose entries point to the table: content, but no loop.
        long l1 = BinaryPrimitives.ReadInt64BigEndian(s_image.AsSpan(40));
        byte[] image = [.. s_image];
        ulong l2 = BinaryPrimitives.ReadUInt64BigEndian(image.AsSpan((int)l1));
        for (int index = 0; index < 512; index++)
        {
            image = PokeIn(image, (int)(l2 & 0xFFFFFFFFFE00) + (index * 8), l2, 8);
        }

        using VirtualDisk disk = Open(image);
        disk.Read(new byte[disk.Length], 0);
        using MemoryDisk container = new(image);
        Assert.False(Qcow2Format.Instance.Check(container, DiskOpenOptions.Default).IsConsistent);
    }

    [Theory]
    [InlineData(0x4000_0000_0000_0000UL)]
    [InlineData(0x7FFF_FFFF_FFFF_FFFFUL)]
    [InlineData(0x4FFF_FFFF_FFFF_0000UL)]
    public void Read_CompressedClusterToAnImpossiblePlace_IsRefused(ulong entry)
    {
        long l1 = BinaryPrimitives.ReadInt64BigEndian(s_image.AsSpan(40));
        int l2 = (int)(BinaryPrimitives.ReadUInt64BigEndian(s_image.AsSpan((int)l1)) & 0xFFFFFFFFFE00);
        using VirtualDisk disk = Open(Poke(l2, entry, 8));
        Assert.Throws<DiskFormatException>(() => disk.Read(new byte[100], 0));
    }

    [Theory]
    [InlineData("json:{\"driver\":\"file\",\"filename\":\"/etc/passwd\"}", "reference-name")]
    [InlineData("nbd:localhost:10809", "reference-name")]
    [InlineData("/etc/shadow", "reference-name")]
    [InlineData("../../secret", "reference-name")]
    [InlineData("base", "backing-file")]
    public void Inspect_BackingFile_IsAConcern(string name, string code)
    {
        Qcow2Options options = new() { Parent = new DiskReference(DiskReferenceKind.Parent, name) { FormatName = "raw" } };
        byte[] image = Qcow2DiskConformanceTests.Write(new byte[1 << 20], options);
        DiskInspection inspection = DiskImage.Inspect(new MemoryDisk(image), DiskOpenOptions.Default);
        Assert.Contains(inspection.Concerns, static concern => concern.Code == "backing-file");
        Assert.Contains(inspection.Concerns, concern => concern.Code == code);
        Assert.True(inspection.IsConsistent);
        Assert.False(inspection.IsSafe);
    }

    [Fact]
    public void Inspect_DataFile_IsAConcernAndNotOpened()
    {
        byte[] image = PokeIn(Poke(72, 4, 8), 112, 0x44415441, 4);
        image = PokeIn(image, 116, 11, 4);
        "json:/etc/x"u8.CopyTo(image.AsSpan(120));
        image = PokeIn(image, 136, 0, 8);
        DiskInspection inspection = DiskImage.Inspect(new MemoryDisk(image), DiskOpenOptions.Default);
        Assert.Contains(inspection.Concerns, static concern => concern.Code == "data-file");
        Assert.Contains(inspection.Concerns, static concern => concern.Code == "reference-name");
        using VirtualDisk disk = Open(image);
        Assert.Throws<DiskReferenceException>(() => disk.Read(new byte[512], 0));
    }

    [Fact]
    public void Inspect_GoodImage_IsSafe()
    {
        DiskInspection inspection = DiskImage.Inspect(new MemoryDisk(Qcow2DiskConformanceTests.Write(MixedContent.Make(399_872, 6), new Qcow2Options())), DiskOpenOptions.Default);
        Assert.True(inspection.IsSafe, string.Join(", ", inspection.Concerns));
    }

    private static VirtualDisk Open(byte[] image) => Qcow2Format.Instance.Open(new MemoryDisk(image), DiskOpenOptions.Default);

    private static byte[] Poke(int place, ulong value, int width) => PokeIn(s_image, place, value, width);

    private static byte[] PokeIn(byte[] source, int place, ulong value, int width)
    {
        byte[] image = [.. source];
        for (int index = 0; index < width; index++)
        {
            image[place + index] = (byte)(value >> (8 * (width - 1 - index)));
        }

        return image;
    }
}
