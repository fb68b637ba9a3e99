using System;
using System.IO;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Vmdk;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Vmdk;

/// <summary>vmfsSparse and seSparse.</summary>
public sealed class VmdkEsxTests
{
    [Fact]
    public void Cowd_SnapshotOverAFlatBase_ShowsTheBaseWhereItHasNothing()
    {
        byte[] parent = new byte[3 << 20];
        byte[] child = new byte[3 << 20];
        new Random(1).NextBytes(parent);
        new Random(2).NextBytes(child);
        byte[] extent = VmdkEsxSamples.Cowd(child, static sector => sector % 3 == 0);
        byte[] expected = [.. parent];
        for (int sector = 0; sector < expected.Length / 512; sector += 3)
        {
            child.AsSpan(sector * 512, 512).CopyTo(expected.AsSpan(sector * 512));
        }

        byte[] snapshot = System.Text.Encoding.ASCII.GetBytes(
            "# Disk DescriptorFile\r\nversion=1 \r\nCID = 22222222\r\nparentCID=12345678 \r\ncreateType=\"vmfsSparse\"\r\nparentFileNameHint=\"base.vmdk\"\r\nRW 6144 VMFSSPARSE \"base-000001-delta.vmdk\"\r\n");
        MemoryResolver resolver = new(
            ("base-000001-delta.vmdk", extent), ("base.vmdk", VmdkSamples.Descriptor("createType=\"vmfs\"", "RW 6144 VMFS \"base-flat.vmdk\"")), ("base-flat.vmdk", parent));
        using VirtualDisk disk = VmdkFormat.Instance.Open(new MemoryDisk(snapshot), new DiskOpenOptions { References = resolver });
        Assert.Equal(expected, VmdkSamples.ReadAll(disk));
        using VirtualDisk alone = VmdkSamples.Open(extent);
        Assert.Equal("vmfsSparse", alone.Info.Variant);
    }

    [Fact]
    public void Cowd_IsReadAsQemuReadsIt()
    {
        ExternalTool qemu = ExternalTool.Require("qemu-img");
        using TempFolder folder = new();
        byte[] content = new byte[5 << 20];
        new Random(3).NextBytes(content);
        byte[] extent = VmdkEsxSamples.Cowd(content, static sector => sector % 5 != 2);
        Compare(qemu, folder, extent, "VMFSSPARSE", content.Length);
    }

    [Fact]
    public void SeSparse_IsReadAsQemuReadsIt()
    {
        ExternalTool qemu = ExternalTool.Require("qemu-img");
        using TempFolder folder = new();
        byte[] content = new byte[40 << 20];
        new Random(4).NextBytes(content);
        Compare(qemu, folder, VmdkEsxSamples.SeSparse(content), "SESPARSE", content.Length);
    }

    [Fact]
    public void SeSparse_HasTheContentOfItsFourStates()
    {
        byte[] content = new byte[20 << 20];
        new Random(5).NextBytes(content);
        using VirtualDisk disk = VmdkSamples.Open(VmdkEsxSamples.SeSparse(content));
        for (int grain = 0; grain < content.Length / 4096; grain++)
        {
            if (grain % 4 != 3)
            {
                content.AsSpan(grain * 4096, 4096).Clear();
            }
        }

        Assert.Equal("seSparse", disk.Info.Variant);
        Assert.Equal(content, VmdkSamples.ReadAll(disk));
    }

    [Fact]
    public void SeSparse_WithAJournal_IsRefusedUnlessLenient()
    {
        byte[] image = VmdkEsxSamples.SeSparse(new byte[65536], true);
        UnsupportedDiskFeatureException exception = Assert.Throws<UnsupportedDiskFeatureException>(() => VmdkSamples.Open(image));
        Assert.Equal("sesparse-journal", exception.Feature);
        using VirtualDisk disk = VmdkFormat.Instance.Open(new MemoryDisk(image), new DiskOpenOptions { IsLenient = true });
        Assert.Equal(65536, disk.Length);
    }

    private static void Compare(ExternalTool qemu, TempFolder folder, byte[] extent, string type, int length)
    {
        File.WriteAllBytes(folder.File("e.vmdk"), extent);
        File.WriteAllBytes(folder.File("d.vmdk"), VmdkSamples.Descriptor("createType=\"" + (type == "SESPARSE" ? "seSparse" : "vmfsSparse") + "\"", $"RW {length / 512} {type} \"e.vmdk\""));
        qemu.Run("convert", "-f", "vmdk", "-O", "raw", folder.File("d.vmdk"), folder.File("d.raw"));
        using VirtualDisk disk = DiskImage.Open(folder.File("d.vmdk"), new DiskOpenOptions { References = DirectoryReferenceResolver.Beside(folder.File("d.vmdk")) });
        Assert.Equal(File.ReadAllBytes(folder.File("d.raw")), VmdkSamples.ReadAll(disk));
        DiskCheckResult result = VmdkFormat.Instance.Check(FileDisk.Open(folder.File("d.vmdk")), new DiskOpenOptions { References = DirectoryReferenceResolver.Beside(folder.File("d.vmdk")) });
        Assert.True(result.IsConsistent, string.Join("; ", result.Problems));
        Assert.True(result.AllocatedUnits > 0);
    }
}
