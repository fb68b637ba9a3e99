using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.IO.Compression;
using System.Linq;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Vmdk;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Vmdk;

/// <summary>The classes of attack that are known for this format: each is refused, with the reason.</summary>
public sealed class VmdkAttackTests
{
    [Theory]
    [InlineData("/dev/sda")]
    [InlineData("/dev/zero")]
    [InlineData("/proc/self/mem")]
    [InlineData("../../etc/passwd")]
    [InlineData("..\\secret.raw")]
    [InlineData("sub/../../x")]
    [InlineData("\\\\.\\PhysicalDrive0")]
    [InlineData("nbd://host/disk")]
    [InlineData("json:{\"driver\":\"file\"}")]
    [InlineData("")]
    public void Open_ExtentThatNamesADeviceOrClimbs_NeverReachesTheResolver(string name)
    {
        MemoryResolver resolver = new((name, new byte[512]));
        byte[] image = VmdkSamples.Descriptor("createType=\"monolithicFlat\"", $"RW 1 FLAT \"{name}\" 0");
        DiskReferenceException exception = Assert.Throws<DiskReferenceException>(
            () => VmdkFormat.Instance.Open(new MemoryDisk(image), new DiskOpenOptions { References = resolver }));
        Assert.Contains("refused", exception.Message, StringComparison.Ordinal);
        Assert.Empty(resolver.Asked);
    }

    [Theory]
    [InlineData("/etc/passwd")]
    [InlineData("C:\\secret.raw")]
    public void Inspect_ExtentWithAPath_IsNamedAndNotOpened(string name)
    {
        byte[] image = VmdkSamples.Descriptor("createType=\"monolithicFlat\"", $"RW 8 FLAT \"{name}\" 0");
        using MemoryDisk container = new(image);
        DiskInspection inspection = DiskImage.Inspect(container, DiskOpenOptions.Default);
        Assert.False(inspection.IsSafe);
        Assert.Contains(inspection.Concerns, static concern => concern.Code == "extent-path");
        Assert.Contains(inspection.Concerns, static concern => concern.Code == "data-file");
        Assert.Equal(4096, inspection.Info!.VirtualSize);
    }

    [Fact]
    public void Open_EmbeddedDescriptorThatNamesAnotherFile_ReadsItselfAndSaysSo()
    {
        byte[] content = VmdkSamples.Content(200_704, 1);
        byte[] image = VmdkSamples.Write(content, new VmdkOptions());
        image.AsSpan(512, 20 * 512).Clear();
        VmdkSamples.Descriptor("createType=\"monolithicFlat\"", "RW 392 FLAT \"/etc/passwd\" 0").CopyTo(image, 512);
        MemoryResolver resolver = new();
        using VirtualDisk disk = VmdkFormat.Instance.Open(new MemoryDisk(image), new DiskOpenOptions { References = resolver });
        Assert.Equal(content, VmdkSamples.ReadAll(disk));
        Assert.Empty(resolver.Asked);
        using MemoryDisk container = new(image);
        Assert.Contains(DiskImage.Inspect(container, DiskOpenOptions.Default).Concerns, static concern => concern.Code == "extent-mismatch");
    }

    [Theory]
    [InlineData("call-me-stream.vmdk")]
    [InlineData("/mnt/export-ami-0123.vmdk")]
    [InlineData("")]
    public void Open_StreamWithAnyName_IsItsOwnExtent(string name)
    {
        byte[] content = VmdkSamples.Content(200_704, 2);
        byte[] image = VmdkSamples.Write(content, new VmdkOptions { Subformat = VmdkSubformat.StreamOptimized });
        image.AsSpan(512, 20 * 512).Clear();
        VmdkSamples.Descriptor("createType=\"monolithicSparse\"", $"RW 392 SPARSE \"{name}\"").CopyTo(image, 512);
        using VirtualDisk disk = VmdkSamples.Open(image);
        Assert.Equal("streamOptimized", disk.Info.Variant);
        Assert.Equal(content, VmdkSamples.ReadAll(disk));
    }

    [Fact]
    public void Read_ZlibBomb_StopsAtTheGrain()
    {
        byte[] image = Stream(out int grainOffset);
        using MemoryStream bomb = new();
        using (ZLibStream deflater = new(bomb, CompressionLevel.SmallestSize, true))
        {
            deflater.Write(new byte[64 << 20]);
        }

        byte[] packed = bomb.ToArray();
        byte[] enlarged = [.. image[..grainOffset], .. new byte[12], .. packed, .. new byte[512 - ((packed.Length + 12) % 512)], .. image[^1536..]];
        BinaryPrimitives.WriteInt32LittleEndian(enlarged.AsSpan(grainOffset + 8), packed.Length);
        using (VirtualDisk disk = VmdkSamples.Open(Relink(image, enlarged, grainOffset)))
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            Assert.Throws<DiskFormatException>(() => disk.Read(new byte[65536], 0));
            Assert.Throws<DiskFormatException>(() => disk.Read(new byte[10], 100));
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 4 << 20);
        }

        using SequentialDiskSource source = VmdkFormat.Instance.OpenSequential(new ForwardStream(enlarged), DiskOpenOptions.Default);
        Assert.Throws<DiskFormatException>(() => VmdkOracle.AssertSequential(source, new byte[65536]));
    }

    [Theory]
    [InlineData(8, 0xFFFFFFFFu)]
    [InlineData(8, 200_000u)]
    [InlineData(0, 128u)]
    public void Read_ImpossibleGrainMarker_IsRefused(int offset, uint value)
    {
        byte[] image = Stream(out int grainOffset);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(grainOffset + offset), value);
        using VirtualDisk disk = VmdkSamples.Open(image);
        Assert.NotNull(Assert.Throws<DiskFormatException>(() => disk.Read(new byte[65536], 0)).Offset);
        using MemoryDisk container = new(image);
        Assert.False(VmdkFormat.Instance.Check(container, DiskOpenOptions.Default).IsConsistent);
    }

    // Offset, size and value of a field that sizes or places something.
    [Theory]
    [InlineData(4, 4, 4ul)]
    [InlineData(12, 8, ulong.MaxValue)]
    [InlineData(12, 8, 1ul << 54)]
    [InlineData(20, 8, 0ul)]
    [InlineData(20, 8, 3ul)]
    [InlineData(20, 8, 1ul << 40)]
    [InlineData(28, 8, 1ul << 50)]
    [InlineData(36, 8, 1ul << 40)]
    [InlineData(44, 4, 0ul)]
    [InlineData(44, 4, 0x80000000ul)]
    [InlineData(48, 8, 1ul << 60)]
    [InlineData(56, 8, 1ul << 60)]
    [InlineData(73, 4, 0x0A0A0A0Aul)]
    [InlineData(77, 2, 7ul)]
    public void Open_ImpossibleHeader_IsRefusedOrReadsAsBefore(int offset, int size, ulong value)
    {
        byte[] content = VmdkSamples.Content(200_704, 3);
        byte[] image = VmdkSamples.Write(content, new VmdkOptions());
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        bytes.AsSpan(0, size).CopyTo(image.AsSpan(offset));
        if (offset is 48 or 56)
        {
            // One directory is lost: the other one serves.
            using VirtualDisk disk = VmdkSamples.Open(image);
            Assert.Equal(content, VmdkSamples.ReadAll(disk));
            Assert.Equal(offset == 56, disk.Info.IsDirty);
            return;
        }

        DiskFormatException exception = Assert.ThrowsAny<DiskFormatException>(() => VmdkSamples.Open(image));
        Assert.NotNull(exception.Offset);
    }

    [Fact]
    public void Open_DamagedPrimaryDirectoryOrTable_ReadsThroughTheRedundantOne()
    {
        byte[] content = VmdkSamples.Content((40 << 20) + 512, 4);
        byte[] image = VmdkSamples.Write(content, new VmdkOptions());
        VmdkHeader header = VmdkHeader.Parse(image, 0);
        byte[] noDirectory = [.. image];
        noDirectory.AsSpan((int)header.DirectorySector * 512, 512).Fill(0xFF);
        using (VirtualDisk disk = VmdkSamples.Open(noDirectory))
        {
            Assert.Equal(content, VmdkSamples.ReadAll(disk));
            Assert.True(disk.Info.IsDirty);
        }

        byte[] noTable = [.. image];
        noTable.AsSpan(((int)header.DirectorySector + 1) * 512, 2048).Fill(0xFE);
        using (VirtualDisk disk = VmdkSamples.Open(noTable))
        {
            Assert.Equal(content, VmdkSamples.ReadAll(disk));
        }

        foreach (byte[] damaged in (byte[][])[noDirectory, noTable])
        {
            using MemoryDisk container = new(damaged);
            Assert.False(VmdkFormat.Instance.Check(container, DiskOpenOptions.Default).IsConsistent);
        }
    }

    [Fact]
    public void Open_TooManyExtents_StopsAtTheLimit()
    {
        byte[] image = VmdkSamples.Descriptor([.. Enumerable.Repeat("RW 1 ZERO", 5000)]);
        DiskOpenOptions options = new() { Limits = new DiskReadLimits { MaxListEntries = 4096 } };
        Assert.Contains("MaxListEntries", Assert.Throws<DiskFormatException>(() => VmdkFormat.Instance.Open(new MemoryDisk(image), options)).Message, StringComparison.Ordinal);
        using VirtualDisk disk = VmdkSamples.Open(image);
        Assert.Equal(5000 * 512, disk.Length);
        byte[] huge = VmdkSamples.Descriptor([.. Enumerable.Repeat($"RW {long.MaxValue / 512} ZERO", 3)]);
        Assert.Contains("MaxVirtualSize", Assert.Throws<DiskFormatException>(() => VmdkSamples.Open(huge)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("RW 1 FLAT \"a\u0001b\" 0")]
    [InlineData("RW x FLAT \"a\" 0")]
    [InlineData("RW 1 FLAT \"a 0")]
    [InlineData("RW 99999999999999999999 FLAT \"a\" 0")]
    [InlineData("RW 1 VMFSRDM \"a-rdm.vmdk\"")]
    [InlineData("RW 1 BOGUS \"a\"")]
    [InlineData("RW 1 FLAT \"a\" -5")]
    public void Open_ImpossibleExtentLine_IsRefused(string line)
    {
        DiskOpenOptions options = new() { References = new MemoryResolver(("a", new byte[512])) };
        Assert.ThrowsAny<DiskFormatException>(() => VmdkFormat.Instance.Open(new MemoryDisk(VmdkSamples.Descriptor(line)), options));
    }

    [Fact]
    public void Open_FlatFileThatIsTooShort_IsRefused()
    {
        DiskOpenOptions options = new() { References = new MemoryResolver(("a", new byte[512])) };
        Assert.Throws<DiskFormatException>(() => VmdkFormat.Instance.Open(new MemoryDisk(VmdkSamples.Descriptor("RW 2 FLAT \"a\" 0")), options));
        Assert.Throws<DiskReferenceException>(() => VmdkFormat.Instance.Open(new MemoryDisk(VmdkSamples.Descriptor("RW 1 FLAT \"b\" 0")), options));
    }

    [Fact]
    public void OpenSequential_CutAnywhere_IsNeverTakenForWhole()
    {
        byte[] content = VmdkSamples.Content(1 << 20, 5);
        byte[] image = VmdkSamples.Write(content, new VmdkOptions { Subformat = VmdkSubformat.StreamOptimized });
        for (int length = 0; length < image.Length; length += 509)
        {
            Assert.ThrowsAny<DiskFormatException>(() =>
            {
                using SequentialDiskSource source = VmdkFormat.Instance.OpenSequential(new ForwardStream(image[..length]), DiskOpenOptions.Default);
                VmdkOracle.AssertSequential(source, content);
            });
        }
    }

    [Fact]
    public void OpenSequential_QemuStreamCutAnywhere_IsNeverTakenForWhole()
    {
        ExternalTool qemu = ExternalTool.Require("qemu-img");
        using TempFolder folder = new();
        byte[] content = new byte[1 << 20];
        new Random(6).NextBytes(content);
        File.WriteAllBytes(folder.File("in.raw"), content);
        qemu.Run("convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=streamOptimized", folder.File("in.raw"), folder.File("q.vmdk"));
        byte[] image = File.ReadAllBytes(folder.File("q.vmdk"));
        using (SequentialDiskSource source = VmdkFormat.Instance.OpenSequential(new ForwardStream(image), DiskOpenOptions.Default))
        {
            VmdkOracle.AssertSequential(source, content);
        }

        for (int length = 0; length < image.Length - 512; length += 4096)
        {
            Assert.ThrowsAny<DiskFormatException>(() =>
            {
                using SequentialDiskSource source = VmdkFormat.Instance.OpenSequential(new ForwardStream(image[..length]), DiskOpenOptions.Default);
                VmdkOracle.AssertSequential(source, content);
            });
        }
    }

    [Fact]
    public void Mutations_SucceedOrAreRefusedWithAReason()
    {
        byte[] small = VmdkSamples.Content(200_704, 7);
        List<byte[]> seeds =
        [
            VmdkSamples.Write(small, new VmdkOptions { UseZeroedGrains = true }),
            VmdkSamples.Write(VmdkSamples.Content(500_224, 8), new VmdkOptions { Subformat = VmdkSubformat.StreamOptimized }),
            VmdkEsxSamples.Cowd(small, static sector => sector % 3 == 0),
            VmdkEsxSamples.SeSparse(small[..(48 * 4096)]),
            VmdkSamples.Descriptor("createType=\"custom\"", "RW 2048 FLAT \"a.vmdk\" 2", "RW 2048 SPARSE \"b.vmdk\"", "RW 1024 ZERO", "ddb.adapterType = \"ide\""),
        ];
        MutationSuite.Run(VmdkFormat.Instance, seeds, MutationSuite.Count(2000), 20261124);
    }

    [Fact]
    public void OpenSequential_Mutations_SucceedOrAreRefusedWithAReason()
    {
        List<byte[]> seeds = [VmdkSamples.Write(VmdkSamples.Content(500_224, 8), new VmdkOptions { Subformat = VmdkSubformat.StreamOptimized })];
        byte[] buffer = new byte[65536];
        for (int number = 0; number < MutationSuite.Count(1000); number++)
        {
            byte[] image = MutationSuite.Mutate(seeds, 4, number);
            try
            {
                using SequentialDiskSource source = VmdkFormat.Instance.OpenSequential(new MemoryStream(image), DiskOpenOptions.Default);
                while (source.ReadNext(buffer).Length > 0)
                {
                }
            }
            catch (CloudImageException exception)
            {
                Assert.NotEmpty(exception.Message);
            }
        }
    }

    /// <summary>A stream of one grain, and where that grain is.</summary>
    private static byte[] Stream(out int grainOffset)
    {
        byte[] content = new byte[65536];
        content[5] = 1;
        grainOffset = 65536;
        return VmdkSamples.Write(content, new VmdkOptions { Subformat = VmdkSubformat.StreamOptimized });
    }

    // The same grain, with table, directory and footer of the original moved behind it.
    private static byte[] Relink(byte[] image, byte[] enlarged, int grainOffset)
    {
        int tail = image.Length - grainOffset - 512;
        byte[] grain = enlarged[grainOffset..^1536];
        byte[] result = [.. image[..grainOffset], .. grain, .. image[^tail..]];
        uint shift = (uint)((grain.Length - 512) / 512);
        int directory = result.Length - 1536 - 512;
        Add(result, directory, shift);
        Add(result, result.Length - 1024 + 56, shift);
        return result;
    }

    private static void Add(byte[] image, int at, uint shift) =>
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(at), BinaryPrimitives.ReadUInt32LittleEndian(image.AsSpan(at)) + shift);
}
