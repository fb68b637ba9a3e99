using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Vhd;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Vhd;

/// <summary>What producers do with the format, and how footers are found.</summary>
public sealed class VhdFormatTests
{
    private const int Length = (3 << 20) + 512;
    private static readonly byte[] s_content = ImageBytes.Random(1, Length);
    private static readonly byte[] s_dynamic = ImageBytes.Of(new TestDisk(s_content), new VhdOptions());
    private static readonly byte[] s_fixed = ImageBytes.Of(new TestDisk(s_content), new VhdOptions { Variant = VhdVariant.Fixed, AlignToMebibyte = false });

    private static readonly DiskOpenOptions s_lenient = new() { IsLenient = true };

    [Fact]
    public void Create_Dynamic_PlacesDataAtMultiplesOf4KiB()
    {
        Assert.Equal(0, ((VhdBytes.TableEntry(s_dynamic, 0) * 512L) + 512) % 4096);
        Assert.Equal(4104U, VhdBytes.TableEntry(s_dynamic, 1) - VhdBytes.TableEntry(s_dynamic, 0));
    }

    [Fact]
    public void Create_Footer_IsWhatEveryProgramReadsWithTheExactLength()
    {
        ReadOnlySpan<byte> footer = s_dynamic.AsSpan(s_dynamic.Length - 512);
        Assert.True(footer.Slice(28, 4).SequenceEqual("win "u8));
        Assert.Equal((ulong)Length, BinaryPrimitives.ReadUInt64BigEndian(footer[40..]));
        Assert.Equal((ulong)Length, BinaryPrimitives.ReadUInt64BigEndian(footer[48..]));
        Assert.True(footer.SequenceEqual(s_dynamic.AsSpan(0, 512)));
    }

    [Fact]
    public void Create_Fixed_HasWholeMebibytesAndTheFooterLast()
    {
        byte[] image = ImageBytes.Of(new TestDisk(s_content), new VhdOptions { Variant = VhdVariant.Fixed });
        Assert.Equal((4 << 20) + 512, image.Length);
        Assert.Equal(4 << 20, ImageBytes.Read(VhdFormat.Instance, image).Length);
    }

    [Theory]
    [InlineData(1079296L, 31, 4, 17)]
    [InlineData(10485760L, 301, 4, 17)]
    [InlineData(536870912L, 1040, 16, 63)]
    [InlineData(136899993600L, 65535, 16, 255)]
    [InlineData(1099511627776L, 65535, 16, 255)]
    public void Geometry_OfKnownDisks_IsTheirs(long length, int cylinders, int heads, int sectors)
    {
        VhdGeometry geometry = VhdGeometry.Of(length);
        Assert.Equal((cylinders, heads, sectors), (geometry.Cylinders, geometry.Heads, geometry.SectorsPerTrack));
    }

    [Theory]
    [InlineData("win ", Length)]
    [InlineData("wa\0\0", Length)]
    [InlineData("tap\0", Length)]
    [InlineData("qem2", Length)]
    [InlineData("vpc ", 10 * 4 * 17 * 512)]
    [InlineData("qemu", 10 * 4 * 17 * 512)]
    public void Open_ByCreator_TakesTheSizeThatCreatorMeans(string creator, int expected)
    {
        byte[] image = VhdBytes.WithFooter(s_dynamic, footer =>
        {
            System.Text.Encoding.Latin1.GetBytes(creator, footer.AsSpan(28));
            BinaryPrimitives.WriteUInt16BigEndian(footer.AsSpan(56), 10);
            footer[58] = 4;
            footer[59] = 17;
        });
        ImageBytes.AssertEqual(s_content.AsSpan(0, expected), ImageBytes.Read(VhdFormat.Instance, image));
    }

    [Fact]
    public void Open_OriginalSizeOther_TakesTheCurrentSize()
    {
        byte[] image = VhdBytes.WithFooter(s_dynamic, static footer => VhdBytes.SetUInt64(footer, 40, 1 << 20));
        ImageBytes.AssertEqual(s_content, ImageBytes.Read(VhdFormat.Instance, image));
    }

    [Fact]
    public void Open_TableLongerThanTheDisk_EndsWithTheDisk()
    {
        byte[] image = VhdBytes.WithHeader(s_dynamic, static header => VhdBytes.SetUInt32(header, 28, 3));
        ImageBytes.AssertEqual(s_content, ImageBytes.Read(VhdFormat.Instance, image));
    }

    [Fact]
    public void Open_FooterOf511Bytes_Reads()
    {
        byte[] image = s_fixed[..^1];
        Assert.Contains(VhdFormat.Instance, DiskFormatRegistry.Default.Detect(new MemoryDisk(image)));
        ImageBytes.AssertEqual(s_content, ImageBytes.Read(VhdFormat.Instance, image));
    }

    [Fact]
    public void Detect_FixedAndDynamic_ByFooterAndHeader()
    {
        Assert.Equal([VhdFormat.Instance], DiskFormatRegistry.Default.Detect(new MemoryDisk(s_fixed)));
        Assert.Equal([VhdFormat.Instance], DiskFormatRegistry.Default.Detect(new MemoryDisk(s_dynamic)));
        Assert.Equal([VhdFormat.Instance], DiskFormatRegistry.Default.Detect(new MemoryDisk(s_dynamic.AsMemory(0, s_dynamic.Length - 512))));
    }

    [Fact]
    public void Open_FooterLost_OnlyLenientlyFromTheCopy()
    {
        byte[] image = s_dynamic[..^512];
        Assert.Throws<DiskFormatException>(() => ImageBytes.Read(VhdFormat.Instance, image));
        using VirtualDisk disk = VhdFormat.Instance.Open(new MemoryDisk(image), s_lenient);
        ImageBytes.AssertEqual(s_content, ImageBytes.Read(disk));
        Assert.True(disk.Info.IsDirty);
        Assert.Contains("copy at the start", disk.Info.Details["recovery"], StringComparison.Ordinal);
    }

    [Fact]
    public void Open_CopyLost_ReadsByTheFooter()
    {
        byte[] image = [.. s_dynamic];
        image.AsSpan(0, 512).Clear();
        ImageBytes.AssertEqual(s_content, ImageBytes.Read(VhdFormat.Instance, image));
        Assert.False(VhdFormat.Instance.Check(new MemoryDisk(image), DiskOpenOptions.Default).IsConsistent);
    }

    [Fact]
    public void Open_BytesBehindTheFooter_OnlyLeniently()
    {
        byte[] image = [.. s_fixed, .. new byte[3000]];
        Assert.Throws<DiskFormatException>(() => ImageBytes.Read(VhdFormat.Instance, image));
        ImageBytes.AssertEqual(s_content, ImageBytes.Read(VhdFormat.Instance, image, s_lenient));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Open_ChecksumWrong_OnlyLeniently(bool isDynamic)
    {
        byte[] image = isDynamic ? [.. s_dynamic] : [.. s_fixed];
        image[^400] ^= 1;
        if (isDynamic)
        {
            image[100] ^= 1;
            image[600] ^= 1;
        }

        DiskFormatException exception = Assert.Throws<DiskFormatException>(() => ImageBytes.Read(VhdFormat.Instance, image));
        Assert.Contains("checksum", exception.Message, StringComparison.Ordinal);
        ImageBytes.AssertEqual(s_content, ImageBytes.Read(VhdFormat.Instance, image, s_lenient));
    }

    [Fact]
    public void Open_DisksOfZeros_MapIsUnmapped()
    {
        byte[] image = ImageBytes.Of(1L << 40, new VhdOptions(), static _ => { });
        using VirtualDisk disk = VhdFormat.Instance.Open(new MemoryDisk(image), DiskOpenOptions.Default);
        Assert.Equal([new DiskExtent(0, 1L << 40, DiskExtentKind.Unmapped)], disk.GetExtents(0, disk.Length));
    }

    [Fact]
    public void Create_Largest_WritesAndReadsItsEnds()
    {
        using TempFolder folder = new();
        long length = 2040L << 30;
        byte[] piece = ImageBytes.Random(7, 100_000);
        using (DiskWriter writer = DiskImage.Create(folder.File("large.vhd"), length, new VhdOptions(), WriteDurability.None))
        {
            writer.Write(piece, length - piece.Length);
            writer.Write(piece, 0);
            writer.Write(piece, length / 2);
            writer.Complete();
        }

        Assert.True(new FileInfo(folder.File("large.vhd")).Length < 12 << 20);
        using VirtualDisk disk = DiskImage.Open(folder.File("large.vhd"));
        Assert.Equal(length, disk.Length);
        Assert.Equal(3L * (2 << 20), BlockMap.Of(disk).DataLength);
        byte[] read = new byte[piece.Length];
        foreach (long offset in (long[])[0, length / 2, length - piece.Length])
        {
            disk.Read(read, offset);
            ImageBytes.AssertEqual(piece, read);
        }

        Assert.Throws<ArgumentException>(() => VhdFormat.Instance.Create(new MemoryImageSink(), length + 512, new VhdOptions()));
    }

    [Fact]
    public void Create_OddLength_IsRoundedUpToASector()
    {
        byte[] image = ImageBytes.Of(new TestDisk(ImageBytes.Random(3, 1000)), new VhdOptions());
        byte[] read = ImageBytes.Read(VhdFormat.Instance, image);
        ImageBytes.AssertEqual([.. ImageBytes.Random(3, 1000), .. new byte[24]], read);
    }

    [Fact]
    public void Create_ZerosOnly_AllocatesNothing()
    {
        byte[] image = ImageBytes.Of(8 << 20, new VhdOptions(), static writer => writer.Write(new byte[8 << 20], 0));
        Assert.True(image.Length < 8192);
    }

    [Fact]
    public void Create_DynamicIntoAPipe_IsRefused() =>
        Assert.Throws<NotSupportedException>(() => VhdFormat.Instance.Create(new FaultingImageSink(100, true), 512, new VhdOptions()));

    [Fact]
    public void ParseOptions_Unknown_NamesTheKnown()
    {
        ArgumentException exception = Assert.Throws<ArgumentException>(() => VhdFormat.Instance.ParseOptions(new Dictionary<string, string> { ["colour"] = "red" }));
        Assert.Contains("subformat", exception.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => VhdFormat.Instance.ParseOptions(new Dictionary<string, string> { ["subformat"] = "round" }));
    }

    [Fact]
    public void Inspect_FixedWhoseContentIsAHeader_RaisesAConcern()
    {
        byte[] content = [.. s_content];
        s_dynamic.AsSpan(0, 1536).CopyTo(content);
        byte[] image = ImageBytes.Of(new TestDisk(content), new VhdOptions { Variant = VhdVariant.Fixed, AlignToMebibyte = false });
        DiskInspection inspection = DiskImage.Inspect(new MemoryDisk(image), new DiskOpenOptions { LeaveOpen = true });
        Assert.Contains(inspection.Concerns, static concern => concern.Code == "ambiguous-footer");
        ImageBytes.AssertEqual(content, ImageBytes.Read(VhdFormat.Instance, image));
    }

    [Fact]
    public void Check_OfWrittenImages_IsClean()
    {
        Assert.Empty(VhdFormat.Instance.Check(new MemoryDisk(s_fixed), DiskOpenOptions.Default).Problems.Select(static problem => problem.ToString()));
        DiskCheckResult result = VhdFormat.Instance.Check(new MemoryDisk(s_dynamic), DiskOpenOptions.Default);
        Assert.Empty(result.Problems.Select(static problem => problem.ToString()));
        Assert.Equal((2L, 2L, (long)s_dynamic.Length), (result.AllocatedUnits, result.TotalUnits, result.ImageEndOffset));
    }

    [Fact]
    public void Check_BlocksOverlapping_IsCorrupt()
    {
        byte[] image = VhdBytes.WithTableEntry(s_dynamic, 1, VhdBytes.TableEntry(s_dynamic, 0));
        DiskCheckResult result = VhdFormat.Instance.Check(new MemoryDisk(image), DiskOpenOptions.Default);
        Assert.Contains(result.Problems, static problem => problem.Kind == DiskProblemKind.Corruption && problem.Message.Contains("overlaps the one", StringComparison.Ordinal));
        Assert.Contains(result.Problems, static problem => problem.Kind == DiskProblemKind.Leak);
    }

    [Theory]
    [InlineData(0U, "overlaps the copy of the footer")]
    [InlineData(2U, "overlaps the block table")]
    [InlineData(0x7FFFFFFFU, "leaves the file")]
    public void Check_BlockAtAnImpossiblePlace_IsCorrupt(uint sector, string message)
    {
        DiskCheckResult result = VhdFormat.Instance.Check(new MemoryDisk(VhdBytes.WithTableEntry(s_dynamic, 1, sector)), DiskOpenOptions.Default);
        Assert.Contains(result.Problems, problem => problem.Kind == DiskProblemKind.Corruption && problem.Message.Contains(message, StringComparison.Ordinal));
    }

    [Fact]
    public void Check_FootersDiffer_IsCorrupt()
    {
        byte[] image = [.. s_dynamic];
        VhdBytes.SetUInt64(new ArraySegment<byte>(image, 0, 512), 48, 1 << 20);
        DiskCheckResult result = VhdFormat.Instance.Check(new MemoryDisk(VhdBytes.Seal(image)), DiskOpenOptions.Default);
        Assert.False(result.IsConsistent);
    }
}
