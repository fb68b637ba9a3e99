using System;
using System.Collections.Generic;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Vhdx;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Vhdx;

/// <summary>Classes of attacks on readers of the format: each is refused, with its reason and place.</summary>
public sealed class VhdxHostileTests
{
    private static readonly byte[] s_image = ImageBytes.Of(new TestDisk(ImageBytes.Random(1, 3 << 20)), new VhdxOptions());

    [Theory]
    [InlineData(0U)]
    [InlineData(1U)]
    [InlineData(3U << 20)]
    [InlineData(1U << 29)]
    [InlineData(0x80000000U)]
    public void Open_BlockSizeImpossible_IsRefused(uint blockSize) =>
        AssertRefused(VhdxBytes.With(s_image, bytes => VhdxBytes.SetUInt32(bytes, VhdxBytes.Items, blockSize)), "block size");

    [Theory]
    [InlineData(0U)]
    [InlineData(1U)]
    [InlineData(1024U)]
    [InlineData(uint.MaxValue)]
    public void Open_SectorSizeImpossible_IsRefused(uint sectorSize)
    {
        AssertRefused(VhdxBytes.With(s_image, bytes => VhdxBytes.SetUInt32(bytes, VhdxBytes.Items + 32, sectorSize)), "sector size");
        AssertRefused(VhdxBytes.With(s_image, bytes => VhdxBytes.SetUInt32(bytes, VhdxBytes.Items + 40, sectorSize)), "sector size");
    }

    [Theory]
    [InlineData(ulong.MaxValue, "64 TiB")]
    [InlineData((64UL << 40) + 512, "64 TiB")]
    [InlineData(64UL << 40, "block table")]
    [InlineData((3UL << 20) + 1, "sectors")]
    public void Open_SizeImpossible_IsRefused(ulong size, string message) =>
        AssertRefused(VhdxBytes.With(s_image, bytes => VhdxBytes.SetUInt64(bytes, VhdxBytes.Items + 8, size)), message);

    [Theory]
    [InlineData(16, 3UL)]
    [InlineData(16, 0UL)]
    [InlineData(16, ulong.MaxValue << 20)]
    [InlineData(16, 2UL << 20)]
    [InlineData(16, 1UL << 20)]
    [InlineData(24, 1UL)]
    [InlineData(24, 0UL)]
    public void Open_RegionImpossible_IsRefused(int field, ulong value) =>
        AssertRefused(
            VhdxBytes.WithRegions(s_image, (bytes, table) =>
            {
                if (field == 16)
                {
                    VhdxBytes.SetUInt64(bytes, table + 16 + field, value);
                }
                else
                {
                    VhdxBytes.SetUInt32(bytes, table + 16 + field, (uint)value);
                }
            }),
            "region");

    [Theory]
    [InlineData(2048U)]
    [InlineData(uint.MaxValue)]
    public void Open_TooManyRegions_IsRefused(uint count) =>
        AssertRefused(VhdxBytes.WithRegions(s_image, (bytes, table) => VhdxBytes.SetUInt32(bytes, table + 8, count)), "region tables");

    [Fact]
    public void Open_UnknownRequiredRegionOrItem_IsNamed()
    {
        byte[] region = VhdxBytes.WithRegions(s_image, static (bytes, table) =>
        {
            VhdxBytes.SetUInt32(bytes, table + 8, 3);
            VhdxBytes.SetUInt64(bytes, table + 80 + 16, 64 << 20);
            VhdxBytes.SetUInt32(bytes, table + 80 + 24, 1 << 20);
            VhdxBytes.SetUInt32(bytes, table + 80 + 28, 1);
        });
        Assert.Throws<UnsupportedDiskFeatureException>(() => ImageBytes.Read(VhdxFormat.Instance, region));
        byte[] item = VhdxBytes.With(s_image, static bytes =>
        {
            VhdxBytes.SetUInt16(bytes, VhdxBytes.Metadata + 10, 6);
            VhdxBytes.SetUInt32(bytes, VhdxBytes.Metadata + (6 * 32) + 24, 4);
        });
        Assert.Throws<UnsupportedDiskFeatureException>(() => ImageBytes.Read(VhdxFormat.Instance, item));
    }

    [Theory]
    [InlineData(0, 16, 100U)]
    [InlineData(0, 16, uint.MaxValue)]
    [InlineData(1, 20, uint.MaxValue)]
    [InlineData(1, 20, 3U)]
    public void Open_ItemImpossible_IsRefused(int index, int field, uint value) =>
        AssertRefused(VhdxBytes.With(s_image, bytes => VhdxBytes.SetUInt32(bytes, VhdxBytes.Metadata + 32 + (index * 32) + field, value)), "metadata item");

    [Fact]
    public void Open_ItemTwiceOrMissing_IsRefused()
    {
        AssertRefused(VhdxBytes.With(s_image, static bytes => bytes.AsSpan(VhdxBytes.Metadata + 32, 16).CopyTo(bytes.AsSpan(VhdxBytes.Metadata + 64))), "twice");
        AssertRefused(VhdxBytes.With(s_image, static bytes => VhdxBytes.SetUInt16(bytes, VhdxBytes.Metadata + 10, 4)), "missing");
        AssertRefused(VhdxBytes.With(s_image, static bytes => VhdxBytes.SetUInt16(bytes, VhdxBytes.Metadata + 10, ushort.MaxValue)), "metadata table");
    }

    [Fact]
    public void Open_ParentSaidAndNotNamed_IsRefused() =>
        AssertRefused(VhdxBytes.With(s_image, static bytes => VhdxBytes.SetUInt32(bytes, VhdxBytes.Items + 4, 2)), "parent locator");

    [Theory]
    [InlineData(18, ushort.MaxValue)]
    [InlineData(18, 0)]
    [InlineData(20, ushort.MaxValue)]
    [InlineData(28, ushort.MaxValue)]
    [InlineData(30, ushort.MaxValue)]
    public void Open_LocatorImpossible_IsRefused(int field, int value)
    {
        DiskReference parent = new(DiskReferenceKind.Parent, "p.vhdx") { LinkageId = Guid.NewGuid().ToString() };
        byte[] image = ImageBytes.Of(1 << 20, new VhdxOptions { Parent = parent }, static _ => { });
        AssertRefused(VhdxBytes.With(image, bytes => VhdxBytes.SetUInt16(bytes, VhdxBytes.Items + 48 + field, (ushort)value)), "locator");
    }

    [Theory]
    [InlineData(6UL)]
    [InlineData(6UL | (1UL << 40))]
    [InlineData(6UL | 0x7FFFFFFFFFF00000UL)]
    [InlineData(6UL | 0xFFFFFFFFFFF00000UL)]
    [InlineData(4UL)]
    [InlineData(7UL | (4UL << 20))]
    public void Read_EntryImpossible_IsRefusedAtItsPlace(ulong entry)
    {
        using VirtualDisk disk = VhdxFormat.Instance.Open(new MemoryDisk(VhdxBytes.WithEntry(s_image, 1, entry)), DiskOpenOptions.Default);
        byte[] buffer = new byte[512];
        disk.Read(buffer, 0);
        DiskFormatException exception = Assert.Throws<DiskFormatException>(() => disk.Read(buffer, (2 << 20) - 512));
        Assert.Equal(VhdxBytes.Bat + 8, exception.Offset);
    }

    [Fact]
    public void Read_PartialBlockWithoutBitmap_IsRefused()
    {
        DiskReference parent = new(DiskReferenceKind.Parent, "p.vhdx") { LinkageId = Guid.NewGuid().ToString() };
        byte[] image = ImageBytes.Of(1 << 20, new VhdxOptions { Parent = parent, BlockSize = 1 << 20 }, static writer => writer.Write(new byte[512], 512));
        using VirtualDisk disk = VhdxFormat.Instance.Open(new MemoryDisk(VhdxBytes.WithEntry(image, 4096, 0)), DiskOpenOptions.Default);
        Assert.Throws<DiskFormatException>(() => disk.Read(new byte[512], 512));
    }

    [Fact]
    public void Open_TooShort_IsRefused()
    {
        for (int length = 0; length < VhdxBytes.Bat + 16; length += 65_521)
        {
            Assert.Throws<DiskFormatException>(() => ImageBytes.Read(VhdxFormat.Instance, s_image[..length]));
        }
    }

    [Fact]
    public void Mutations_EndInContentOrAReason() =>
        MutationSuite.Run(VhdxFormat.Instance, Seeds(), MutationSuite.Count(400), 20263);

    [Fact]
    public void Mutations_WithRightChecksums_EndInContentOrAReason()
    {
        List<byte[]> seeds = Seeds();
        DiskOpenOptions options = new() { IsLenient = true, IgnoreMissingParent = true, Limits = new DiskReadLimits { MaxMetadataMemory = 32 << 20 } };
        byte[] buffer = new byte[65536];
        int opened = 0;
        for (int number = 0; number < MutationSuite.Count(400); number++)
        {
            byte[] image = VhdxBytes.Seal(MutationSuite.Mutate(seeds, 20264, number));
            try
            {
                using VirtualDisk disk = VhdxFormat.Instance.Open(new MemoryDisk(image), options);
                opened++;
                disk.Read(buffer, 0);
                disk.Read(buffer, disk.Length / 2);
                VhdxFormat.Instance.Check(new MemoryDisk(image), options);
            }
            catch (CloudImageException exception)
            {
                Assert.False(string.IsNullOrEmpty(exception.Message));
            }
        }

        Assert.True(opened > 50, $"Only {opened} could be opened.");
    }

    private static List<byte[]> Seeds()
    {
        using TestDisk disk = TestDisk.Random(50, 1 << 20, 4096, true);
        DiskReference parent = new(DiskReferenceKind.Parent, "p.vhdx") { LinkageId = Guid.Empty.ToString(), AlternativeNames = ["C:\\disks\\p.vhdx"] };
        byte[] whole = ImageBytes.Of(disk, new VhdxOptions());
        Guid logId = new("00112233-4455-6677-8899-aabbccddeeff");
        byte[] dirty = VhdxBytes.WithHeaders(
            VhdxBytes.With(whole, bytes => VhdxBytes.PutLogEntry(bytes, 0, logId, 1, 0, new VhdxLogChange(VhdxBytes.Bat, 4096, bytes.AsSpan(VhdxBytes.Bat, 4096).ToArray()))),
            (bytes, header) => logId.TryWriteBytes(bytes.AsSpan(header + 48)));
        return
        [
            whole,
            dirty,
            ImageBytes.Of(1 << 20, new VhdxOptions(), static _ => { }),
            ImageBytes.Of(1 << 20, new VhdxOptions { Parent = parent, BlockSize = 1 << 20 }, static writer => writer.Write(ImageBytes.Random(51, 4096), 8192)),
        ];
    }

    private static void AssertRefused(byte[] image, string message)
    {
        DiskFormatException exception = Assert.Throws<DiskFormatException>(() => ImageBytes.Read(VhdxFormat.Instance, image));
        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
        Assert.Equal("vhdx", exception.Format);
        Assert.NotNull(exception.Offset);
    }
}
