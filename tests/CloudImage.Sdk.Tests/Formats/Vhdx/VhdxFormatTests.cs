using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Vhdx;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Vhdx;

/// <summary>What producers do with the format.</summary>
public sealed class VhdxFormatTests
{
    private const int Length = (3 << 20) + 512;
    private static readonly byte[] s_content = ImageBytes.Random(1, Length);
    private static readonly byte[] s_image = ImageBytes.Of(new TestDisk(s_content), new VhdxOptions());

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(32)]
    [InlineData(256)]
    public void Create_EveryBlockSize_ReadsBack(int mebibytes)
    {
        using TempFolder folder = new();
        byte[] piece = ImageBytes.Random(mebibytes, 300_000);
        long length = 3L * mebibytes << 20;
        using (DiskWriter writer = DiskImage.Create(folder.File("disk.vhdx"), length, new VhdxOptions { BlockSize = mebibytes << 20 }, WriteDurability.None))
        {
            writer.Write(piece, ((long)mebibytes << 20) - 1000);
            writer.Complete();
        }

        using VirtualDisk disk = DiskImage.Open(folder.File("disk.vhdx"));
        Assert.Equal(mebibytes << 20, disk.Info.AllocationUnitSize);
        byte[] read = new byte[piece.Length];
        disk.Read(read, ((long)mebibytes << 20) - 1000);
        ImageBytes.AssertEqual(piece, read);
        Assert.Equal(2L * mebibytes << 20, BlockMap.Of(disk).DataLength);
    }

    [Theory]
    [InlineData(1L << 30, 1)]
    [InlineData(128L << 30, 1)]
    [InlineData(256L << 30, 2)]
    [InlineData(64L << 40, 16)]
    public void Create_BlockSizeByDefault_KeepsTheTableSmall(long length, int mebibytes)
    {
        using TempFolder folder = new();
        using (DiskWriter writer = DiskImage.Create(folder.File("disk.vhdx"), length, new VhdxOptions(), WriteDurability.None))
        {
            writer.Write(s_content, length - s_content.Length);
            writer.Complete();
        }

        using VirtualDisk disk = DiskImage.Open(folder.File("disk.vhdx"));
        Assert.Equal((length, mebibytes << 20), (disk.Length, disk.Info.AllocationUnitSize));
        byte[] read = new byte[s_content.Length];
        disk.Read(read, length - read.Length);
        ImageBytes.AssertEqual(s_content, read);
        Assert.True(BlockMap.Of(disk).Count <= 2);
        using FileDisk file = FileDisk.Open(folder.File("disk.vhdx"));
        Assert.Empty(VhdxFormat.Instance.Check(file, DiskOpenOptions.Default).Problems);
    }

    [Theory]
    [InlineData(0UL, DiskExtentKind.Unmapped)]
    [InlineData(1UL, DiskExtentKind.Zero)]
    [InlineData(2UL, DiskExtentKind.Zero)]
    [InlineData(3UL, DiskExtentKind.Zero)]
    [InlineData(5UL, DiskExtentKind.Zero)]
    [InlineData(3UL | (5UL << 20), DiskExtentKind.Zero)]
    public void Read_BlockThatIsNotStored_IsZero(ulong entry, DiskExtentKind kind)
    {
        using VirtualDisk disk = VhdxFormat.Instance.Open(new MemoryDisk(VhdxBytes.WithEntry(s_image, 1, entry)), DiskOpenOptions.Default);
        Assert.Equal(new DiskExtent(1 << 20, 1 << 20, kind), disk.GetExtents(0, disk.Length).Skip(1).First());
        byte[] read = ImageBytes.Read(disk);
        Assert.False(read.AsSpan(1 << 20, 1 << 20).ContainsAnyExcept((byte)0));
        ImageBytes.AssertEqual(s_content.AsSpan(2 << 20), read.AsSpan(2 << 20));
    }

    [Fact]
    public void Open_HeadersEqual_Reads()
    {
        byte[] image = VhdxBytes.With(s_image, static bytes => bytes.AsSpan(VhdxConstants.Header1Offset, 4096).CopyTo(bytes.AsSpan(VhdxConstants.Header2Offset)));
        ImageBytes.AssertEqual(s_content, ImageBytes.Read(VhdxFormat.Instance, image));
    }

    [Fact]
    public void Open_HeadersOfOneNumberThatDiffer_OnlyLeniently()
    {
        byte[] image = VhdxBytes.WithHeaders(s_image, static (bytes, header) =>
        {
            VhdxBytes.SetUInt64(bytes, header + 8, 9);
            VhdxBytes.SetUInt64(bytes, header + 16, (ulong)header);
        });
        Assert.Throws<DiskFormatException>(() => ImageBytes.Read(VhdxFormat.Instance, image));
        ImageBytes.AssertEqual(s_content, ImageBytes.Read(VhdxFormat.Instance, image, new DiskOpenOptions { IsLenient = true }));
        Assert.False(VhdxFormat.Instance.Check(new MemoryDisk(image), DiskOpenOptions.Default).IsConsistent);
    }

    [Theory]
    [InlineData(VhdxConstants.Header1Offset)]
    [InlineData(VhdxConstants.Header2Offset)]
    [InlineData(VhdxConstants.RegionTable1Offset)]
    [InlineData(VhdxConstants.RegionTable2Offset)]
    public void Open_OneOfTwoCopiesLost_Reads(int offset)
    {
        byte[] image = [.. s_image];
        image[offset + 70] ^= 0xFF;
        ImageBytes.AssertEqual(s_content, ImageBytes.Read(VhdxFormat.Instance, image));
        Assert.NotEmpty(VhdxFormat.Instance.Check(new MemoryDisk(image), DiskOpenOptions.Default).Problems);
    }

    [Fact]
    public void Open_RegionsInAnotherOrder_Reads()
    {
        byte[] image = VhdxBytes.WithRegions(s_image, static (bytes, table) =>
        {
            byte[] first = bytes.AsSpan(table + 16, 32).ToArray();
            bytes.AsSpan(table + 48, 32).CopyTo(bytes.AsSpan(table + 16));
            first.CopyTo(bytes.AsSpan(table + 48));
        });
        ImageBytes.AssertEqual(s_content, ImageBytes.Read(VhdxFormat.Instance, image));
    }

    [Fact]
    public void Open_UnknownRegionAndItemThatNeedNotBeKnown_Reads()
    {
        byte[] image = VhdxBytes.WithRegions(s_image, static (bytes, table) =>
        {
            VhdxBytes.SetUInt32(bytes, table + 8, 3);
            Guid.NewGuid().TryWriteBytes(bytes.AsSpan(table + 80));
            VhdxBytes.SetUInt64(bytes, table + 80 + 16, 64 << 20);
            VhdxBytes.SetUInt32(bytes, table + 80 + 24, 1 << 20);
        });
        ImageBytes.AssertEqual(s_content, ImageBytes.Read(VhdxFormat.Instance, image));
        byte[] item = VhdxBytes.With(s_image, static bytes =>
        {
            VhdxBytes.SetUInt16(bytes, VhdxBytes.Metadata + 10, 6);
            Guid.NewGuid().TryWriteBytes(bytes.AsSpan(VhdxBytes.Metadata + (6 * 32)));
        });
        ImageBytes.AssertEqual(s_content, ImageBytes.Read(VhdxFormat.Instance, item));
    }

    [Fact]
    public void Open_LastBlockCutShort_ReadsZerosForTheRest()
    {
        // The disk ends 512 bytes into its fourth block, which lies last in the file.
        byte[] image = s_image[..^((1 << 20) - 512)];
        ImageBytes.AssertEqual(s_content, ImageBytes.Read(VhdxFormat.Instance, image));
        Assert.True(VhdxFormat.Instance.Check(new MemoryDisk(image), DiskOpenOptions.Default).IsConsistent);
    }

    [Fact]
    public void Create_LogicalSectorOf4KiB_SaysSo()
    {
        byte[] image = ImageBytes.Of(new TestDisk(s_content), new VhdxOptions { LogicalSectorSize = 4096 });
        using VirtualDisk disk = VhdxFormat.Instance.Open(new MemoryDisk(image), DiskOpenOptions.Default);
        Assert.Equal((4096, 4096), (disk.Info.LogicalSectorSize, disk.Info.PhysicalSectorSize));
        Assert.Equal((3 << 20) + 4096, disk.Length);
        ImageBytes.AssertEqual(s_content, ImageBytes.Read(disk).AsSpan(0, Length));
    }

    [Fact]
    public void Create_ZerosOnly_AllocatesNothing()
    {
        byte[] image = ImageBytes.Of(8 << 20, new VhdxOptions(), static writer => writer.Write(new byte[8 << 20], 0));
        Assert.Equal(4 << 20, image.Length);
    }

    [Fact]
    public void Create_Ids_AreThoseOfTheOptions()
    {
        Guid disk = Guid.NewGuid();
        Guid content = Guid.NewGuid();
        byte[] image = ImageBytes.Of(1 << 20, new VhdxOptions { DiskId = disk, DataWriteId = content }, static _ => { });
        using VirtualDisk opened = VhdxFormat.Instance.Open(new MemoryDisk(image), DiskOpenOptions.Default);
        Assert.Equal(disk.ToString(), opened.Info.Details["diskId"]);
        Assert.Equal(content.ToString(), opened.Info.LinkageId);
        Assert.Equal("CloudImage.Sdk", opened.Info.Creator);
    }

    [Theory]
    [InlineData("subformat", "round")]
    [InlineData("block_size", "3M")]
    [InlineData("block_size", "512M")]
    [InlineData("log_size", "1000")]
    [InlineData("logical_sector_size", "1024")]
    [InlineData("block_state_zero", "perhaps")]
    [InlineData("colour", "red")]
    public void ParseOptions_Wrong_IsRefused(string name, string value) =>
        Assert.Throws<ArgumentException>(() => VhdxFormat.Instance.ParseOptions(new Dictionary<string, string> { [name] = value }));

    [Fact]
    public void ParseOptions_AsForQemuImg_AreTaken()
    {
        VhdxOptions options = Assert.IsType<VhdxOptions>(VhdxFormat.Instance.ParseOptions(new Dictionary<string, string>
        {
            ["subformat"] = "fixed",
            ["block_size"] = "32M",
            ["log_size"] = "2097152",
            ["block_state_zero"] = "off",
        }));
        Assert.Equal((VhdxVariant.Fixed, 32 << 20, 2 << 20, false), (options.Variant, options.BlockSize, options.LogSize, options.UseZeroBlockState));
    }

    [Fact]
    public void Check_BlocksOverlapping_IsCorrupt()
    {
        DiskCheckResult result = VhdxFormat.Instance.Check(new MemoryDisk(VhdxBytes.WithEntry(s_image, 1, VhdxBytes.Entry(s_image, 0))), DiskOpenOptions.Default);
        Assert.Contains(result.Problems, static problem => problem.Kind == DiskProblemKind.Corruption && problem.Message.Contains("overlaps", StringComparison.Ordinal));
        Assert.Contains(result.Problems, static problem => problem.Kind == DiskProblemKind.Leak);
    }

    [Theory]
    [InlineData(6UL | (1UL << 20))]
    [InlineData(6UL | (3UL << 20))]
    [InlineData(6UL | (1UL << 40))]
    [InlineData(7UL | (4UL << 20))]
    [InlineData(4UL)]
    [InlineData(6UL)]
    public void Check_EntryImpossible_IsCorrupt(ulong entry) =>
        Assert.False(VhdxFormat.Instance.Check(new MemoryDisk(VhdxBytes.WithEntry(s_image, 1, entry)), DiskOpenOptions.Default).IsConsistent);
}
