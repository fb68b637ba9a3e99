using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Raw;
using CloudImage.Sdk.Formats.Vdi;
using CloudImage.Sdk.Tests.Formats.Vmdk;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Vdi;

/// <summary>What qemu-img writes, reads and finds, against what is written, read and found here.</summary>
public sealed class VdiDifferentialTests
{
    [Theory]
    [InlineData("off", 512)]
    [InlineData("off", (5 << 20) + 512)]
    [InlineData("on", 512)]
    [InlineData("on", (5 << 20) + 512)]
    public void QemuImage_IsReadEqual_AndOursIsNotLarger(string isStatic, int length)
    {
        ExternalTool qemu = ExternalTool.Require("qemu-img");
        using TempFolder folder = new();
        byte[] content = VmdkSamples.Content(length, length);
        File.WriteAllBytes(folder.File("in.raw"), content);
        qemu.Run("convert", "-f", "raw", "-O", "vdi", "-o", $"static={isStatic}", folder.File("in.raw"), folder.File("q.vdi"));
        using VirtualDisk disk = DiskImage.Open(folder.File("q.vdi"));
        Assert.Equal(content, VmdkSamples.ReadAll(disk));
        DiskCreateOptions options = VdiFormat.Instance.ParseOptions(new Dictionary<string, string> { ["static"] = isStatic });
        byte[] ours = VdiSamples.Write(content, (VdiOptions)options);
        Assert.True(ours.Length <= new FileInfo(folder.File("q.vdi")).Length, $"{ours.Length} bytes against {new FileInfo(folder.File("q.vdi")).Length}.");
        VdiOracle.AssertEqual(ours, content);
        Assert.Equal(isStatic == "on" ? "static" : "dynamic", disk.Info.Variant);
    }

    [Fact]
    public void LargeSparseDisk_IsReadEqual_BothWays()
    {
        ExternalTool qemu = ExternalTool.Require("qemu-img");
        ExternalTool io = ExternalTool.Require("qemu-io");
        using TempFolder folder = new();
        qemu.Run("create", "-f", "raw", folder.File("in.raw"), "3T");
        io.Run("-f", "raw", "-c", "write -P 7 0 64k", "-c", "write -P 8 2047M 2M", "-c", "write -P 9 2T 4k", "-c", "write -P 1 3145727M 1M", folder.File("in.raw"));
        qemu.Run("convert", "-f", "raw", "-O", "vdi", folder.File("in.raw"), folder.File("q.vdi"));
        using VirtualDisk raw = DiskImage.Open(folder.File("in.raw"), new DiskOpenOptions { Format = RawFormat.Instance });
        using (VirtualDisk disk = DiskImage.Open(folder.File("q.vdi")))
        {
            Assert.True(DiskComparer.Compare(disk, raw, DiskCompareOptions.Default, null, TestContext.Current.CancellationToken).AreEqual);
        }

        using (DiskWriter writer = DiskImage.Create(folder.File("o.vdi"), raw.Length, new VdiOptions()))
        {
            DiskCopier.Copy(raw, writer, DiskCopyOptions.Default, null, TestContext.Current.CancellationToken);
            writer.Complete();
        }

        qemu.Run("compare", "-f", "vdi", "-F", "vdi", folder.File("o.vdi"), folder.File("q.vdi"));
        qemu.Run("check", "-f", "vdi", folder.File("o.vdi"));
        Assert.True(new FileInfo(folder.File("o.vdi")).Length <= new FileInfo(folder.File("q.vdi")).Length);
    }

    [Fact]
    public void Open_HeaderOnlyImage_ReadsAsZeros()
    {
        using VirtualDisk disk = DiskImage.Open(Corpus.Require("file-tests-header-only.vdi"));
        Assert.Equal("QEMU VM Virtual Disk Image", disk.Info.Creator);
        Assert.False(VmdkSamples.ReadAll(disk).AsSpan().ContainsAnyExcept((byte)0));
    }

    // Offset and value of a damage, as the regression tests of others have them, and single entries of the map.
    [Theory]
    [InlineData(0x200, 5u)]
    [InlineData(0x200, 1u)]
    [InlineData(0x200, 0xFFFFFFFFu)]
    [InlineData(0x204, 0u)]
    [InlineData(0x184, 7u)]
    [InlineData(0x184, 0u)]
    [InlineData(0x200, 0u)]
    [InlineData(0x20, 1u)]
    public void Check_OfADamagedImage_HasTheVerdictOfQemu(int offset, uint value)
    {
        ExternalTool qemu = ExternalTool.Require("qemu-img");
        using TempFolder folder = new();
        byte[] content = new byte[5 << 20];
        new Random(1).NextBytes(content.AsSpan(0, 3 << 20));
        byte[] image = VdiSamples.Write(content, new VdiOptions());
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(offset), value);
        File.WriteAllBytes(folder.File("d.vdi"), image);
        bool isGood = qemu.RunAnyway("check", "-f", "vdi", folder.File("d.vdi")).ExitCode == 0;
        DiskCheckResult result = VdiSamples.Check(image);
        Assert.True(isGood == result.IsConsistent, $"qemu-img {isGood}, here {string.Join("; ", result.Problems)}");
    }
}
