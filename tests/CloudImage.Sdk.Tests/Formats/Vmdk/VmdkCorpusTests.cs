using System;
using System.IO;
using System.Security.Cryptography;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Vmdk;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Vmdk;

/// <summary>Real images by other producers.</summary>
public sealed class VmdkCorpusTests
{
    [Theory]
    [InlineData("dfvfs-ext2.vmdk")]
    [InlineData("plaso-image.vmdk")]
    [InlineData("vmware-monolithicSparse.vmdk")]
    [InlineData("vmware-streamOptimized.vmdk")]
    [InlineData("go-vmdk-monolith.vmdk")]
    [InlineData("go-vmdk-streamoptimized.vmdk")]
    public void Open_RealImage_HasTheKnownContent(string name)
    {
        string path = Corpus.Require(name);
        CorpusEntry entry = Corpus.Entry(name);
        using VirtualDisk disk = DiskImage.Open(path);
        Assert.Equal("vmdk", disk.Info.FormatName);
        Assert.Equal(entry.VirtualSize, disk.Length);
        Assert.Equal(entry.ContentSha256, Convert.ToHexStringLower(SHA256.HashData(VmdkSamples.ReadAll(disk))));
        using Stream stream = disk.AsStream();
        Assert.Equal(entry.ContentSha256, Convert.ToHexStringLower(SHA256.HashData(stream)));
        Assert.True(VmdkFormat.Instance.Check(FileDisk.Open(path), DiskOpenOptions.Default).IsConsistent);
    }

    [Theory]
    [InlineData("vmware-streamOptimized.vmdk")]
    [InlineData("go-vmdk-streamoptimized.vmdk")]
    public void OpenSequential_RealStream_HasTheKnownContent(string name)
    {
        byte[] image = File.ReadAllBytes(Corpus.Require(name));
        using VirtualDisk disk = VmdkSamples.Open(image);
        foreach (int bufferLength in (int[])[1000, 65536, 1 << 20])
        {
            using SequentialDiskSource source = VmdkFormat.Instance.OpenSequential(new ForwardStream(image), DiskOpenOptions.Default);
            VmdkOracle.AssertSequential(source, VmdkSamples.ReadAll(disk), bufferLength);
        }
    }

    [Fact]
    public void Open_VmfsDescriptor_ReadsItsFlatFileThroughTheResolver()
    {
        string path = Corpus.Require("vmfs_thick.vmdk");
        string flat = Corpus.Require("vmfs_thick-flat.vmdk");
        using VirtualDisk disk = DiskImage.Open(path, new DiskOpenOptions { References = DirectoryReferenceResolver.Beside(path) });
        Assert.Equal("vmfs", disk.Info.Variant);
        Assert.Equal(File.ReadAllBytes(flat), VmdkSamples.ReadAll(disk));
    }

    [Fact]
    public void Open_VmfsDescriptorWithoutResolver_NamesTheFileAndSaysWhatToDo()
    {
        using VirtualDisk disk = DiskImage.Open(Corpus.Require("vmfs_thick.vmdk"));
        Assert.Equal(2 << 20, disk.Length);
        DiskReference reference = Assert.Single(disk.Info.References);
        Assert.Equal((DiskReferenceKind.Data, "vmfs_thick-flat.vmdk", "raw"), (reference.Kind, reference.Name, reference.FormatName));
        DiskReferenceException exception = Assert.Throws<DiskReferenceException>(() => disk.Read(new byte[1], 0));
        Assert.Contains("resolver", exception.Message, StringComparison.Ordinal);
    }
}
