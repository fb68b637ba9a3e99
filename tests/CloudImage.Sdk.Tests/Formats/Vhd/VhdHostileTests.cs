using System;
using System.Collections.Generic;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Vhd;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Vhd;

/// <summary>Classes of attacks on readers of the format: each is refused, with its reason and place.</summary>
public sealed class VhdHostileTests
{
    private static readonly byte[] s_dynamic = ImageBytes.Of(new TestDisk(ImageBytes.Random(1, 3 << 20)), new VhdOptions());

    [Theory]
    [InlineData(0U)]
    [InlineData(1U)]
    [InlineData(3U << 20)]
    [InlineData(0x80000000U)]
    [InlineData(0xFFFFFFFFU)]
    public void Open_BlockSizeImpossible_IsRefused(uint blockSize) =>
        AssertRefused(VhdBytes.WithHeader(s_dynamic, header => VhdBytes.SetUInt32(header, 32, blockSize)), "block size");

    [Theory]
    [InlineData(0U)]
    [InlineData(1U)]
    public void Open_TableTooShort_IsRefused(uint entries) =>
        AssertRefused(VhdBytes.WithHeader(s_dynamic, header => VhdBytes.SetUInt32(header, 28, entries)), "entries");

    [Fact]
    public void Open_DiskFarLargerThanItsTable_IsRefusedWithoutAllocating()
    {
        byte[] image = VhdBytes.WithFooter(s_dynamic, static footer => VhdBytes.SetUInt64(footer, 48, 1UL << 60));
        image = VhdBytes.WithHeader(image, static header => VhdBytes.SetUInt32(header, 28, uint.MaxValue));
        AssertRefused(image, "entries");
    }

    [Fact]
    public void Open_TableBehindTheEnd_IsRefused()
    {
        AssertRefused(VhdBytes.WithHeader(s_dynamic, static header => VhdBytes.SetUInt64(header, 16, ulong.MaxValue - 511)), "block table");
        AssertRefused(VhdBytes.WithHeader(s_dynamic, static header => VhdBytes.SetUInt64(header, 16, (ulong)s_dynamic.Length)), "block table");
        AssertRefused(VhdBytes.WithHeader(s_dynamic, static header => VhdBytes.SetUInt64(header, 16, 1537)), "block table");
    }

    [Theory]
    [InlineData(ulong.MaxValue - 1)]
    [InlineData(1UL << 62)]
    public void Open_SizeImpossible_IsRefused(ulong size) =>
        AssertRefused(VhdBytes.WithFooter(s_dynamic, footer => VhdBytes.SetUInt64(footer, 48, size + 1)), "bytes");

    [Fact]
    public void Open_HeaderBehindTheEnd_IsRefused() =>
        AssertRefused(VhdBytes.WithFooter(s_dynamic, static footer => VhdBytes.SetUInt64(footer, 16, ulong.MaxValue - 3)), "dynamic header");

    [Theory]
    [InlineData(0U)]
    [InlineData(5U)]
    [InlineData(uint.MaxValue)]
    public void Open_TypeUnknown_IsRefused(uint type) =>
        AssertRefused(VhdBytes.WithFooter(s_dynamic, footer => VhdBytes.SetUInt32(footer, 60, type)), "disk type");

    [Fact]
    public void Open_VersionUnknown_IsNamed()
    {
        byte[] image = VhdBytes.WithFooter(s_dynamic, static footer => VhdBytes.SetUInt32(footer, 12, 0x00020000));
        Assert.Throws<UnsupportedDiskFeatureException>(() => ImageBytes.Read(VhdFormat.Instance, image));
    }

    [Fact]
    public void Open_AboveTheLimitOfSize_NamesTheLimit()
    {
        DiskOpenOptions options = new() { Limits = new DiskReadLimits { MaxVirtualSize = 1 << 20 } };
        DiskFormatException exception = Assert.Throws<DiskFormatException>(() => ImageBytes.Read(VhdFormat.Instance, s_dynamic, options));
        Assert.Contains("MaxVirtualSize", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_FixedLongerThanItsFile_IsRefused()
    {
        byte[] image = ImageBytes.Of(new TestDisk(new byte[1 << 20]), new VhdOptions { Variant = VhdVariant.Fixed });
        AssertRefused(VhdBytes.WithFooter(image, static footer => VhdBytes.SetUInt64(footer, 48, 2 << 20)), "before the footer");
    }

    [Fact]
    public void Read_BlockBehindTheEnd_IsRefusedAtItsEntry()
    {
        byte[] image = VhdBytes.WithTableEntry(s_dynamic, 1, 0xFFFFFFFE);
        using VirtualDisk disk = VhdFormat.Instance.Open(new MemoryDisk(image), DiskOpenOptions.Default);
        byte[] buffer = new byte[512];
        disk.Read(buffer, 0);
        DiskFormatException exception = Assert.Throws<DiskFormatException>(() => disk.Read(buffer, 2 << 20));
        Assert.Equal(1540, exception.Offset);
    }

    [Theory]
    [InlineData(uint.MaxValue, 2048UL)]
    [InlineData(100U, ulong.MaxValue)]
    [InlineData(100U, 1UL << 40)]
    [InlineData(1U << 21, 2048UL)]
    public void Open_LocatorImpossible_IsRefused(uint length, ulong offset)
    {
        DiskReference parent = new(DiskReferenceKind.Parent, "p.vhd") { LinkageId = Guid.NewGuid().ToString() };
        byte[] image = ImageBytes.Of(1 << 20, new VhdOptions { Parent = parent }, static _ => { });
        AssertRefused(
            VhdBytes.WithHeader(image, header =>
            {
                VhdBytes.SetUInt32(header, 576 + 8, length);
                VhdBytes.SetUInt64(header, 576 + 16, offset);
            }),
            "parent locator");
    }

    [Fact]
    public void Open_TooShort_IsRefused()
    {
        for (int length = 0; length < 2048; length += 97)
        {
            Assert.Throws<DiskFormatException>(() => ImageBytes.Read(VhdFormat.Instance, s_dynamic[..length]));
        }
    }

    [Fact]
    public void Mutations_EndInContentOrAReason() =>
        MutationSuite.Run(VhdFormat.Instance, Seeds(), MutationSuite.Count(3000), 20261);

    [Fact]
    public void Mutations_WithRightChecksums_EndInContentOrAReason()
    {
        List<byte[]> seeds = Seeds();
        DiskOpenOptions options = new() { IsLenient = true, IgnoreMissingParent = true, Limits = new DiskReadLimits { MaxMetadataMemory = 32 << 20 } };
        byte[] buffer = new byte[65536];
        int opened = 0;
        for (int number = 0; number < MutationSuite.Count(3000); number++)
        {
            byte[] image = VhdBytes.Seal(MutationSuite.Mutate(seeds, 20262, number));
            try
            {
                using VirtualDisk disk = VhdFormat.Instance.Open(new MemoryDisk(image), options);
                opened++;
                disk.Read(buffer, 0);
                disk.Read(buffer, disk.Length / 2);
                VhdFormat.Instance.Check(new MemoryDisk(image), options);
            }
            catch (CloudImageException exception)
            {
                Assert.False(string.IsNullOrEmpty(exception.Message));
            }
        }

        Assert.True(opened > 100, $"Only {opened} could be opened.");
    }

    private static List<byte[]> Seeds()
    {
        using TestDisk disk = TestDisk.Random(50, (1 << 20) + 512, 4096, true);
        DiskReference parent = new(DiskReferenceKind.Parent, "p.vhd") { LinkageId = Guid.Empty.ToString(), AlternativeNames = ["C:\\disks\\p.vhd"] };
        return
        [
            ImageBytes.Of(disk, new VhdOptions { BlockSize = 512 << 10 }),
            ImageBytes.Of(disk, new VhdOptions { Variant = VhdVariant.Fixed }),
            ImageBytes.Of(1 << 20, new VhdOptions(), static _ => { }),
            ImageBytes.Of(2 << 20, new VhdOptions { Parent = parent, BlockSize = 512 << 10 }, static writer => writer.Write(ImageBytes.Random(51, 4096), 8192)),
        ];
    }

    private static void AssertRefused(byte[] image, string message)
    {
        DiskFormatException exception = Assert.Throws<DiskFormatException>(() => ImageBytes.Read(VhdFormat.Instance, image));
        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
        Assert.Equal("vhd", exception.Format);
        Assert.NotNull(exception.Offset);
    }
}
