using System;
using System.IO;
using System.Security.Cryptography;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Qcow2;

/// <summary>Images by other producers: their content through every door.</summary>
public sealed class Qcow2CorpusTests
{
    [Theory]
    [InlineData("dfvfs-ext2.qcow2")]
    [InlineData("plaso-image.qcow2")]
    [InlineData("tsk-image.qcow")]
    [InlineData("keramics-fat16.qcow2")]
    [InlineData("file-tests-v2.qcow2")]
    [InlineData("file-tests-v3.qcow2")]
    [InlineData("virtnbdbackup-vm1.qcow2")]
    [InlineData("virtnbdbackup-vm3.qcow2")]
    public async Task Read_EveryDoor_HasTheKnownDigest(string name)
    {
        string path = Corpus.Require(name);
        CorpusEntry entry = Corpus.Entry(name);
        using VirtualDisk disk = DiskImage.Open(path);
        Assert.Equal(entry.VirtualSize, disk.Length);
        byte[] content = Qcow2ReadTests.ReadAll(disk);
        Assert.Equal(entry.ContentSha256, Convert.ToHexStringLower(SHA256.HashData(content)));
        byte[] asynchronous = new byte[content.Length];
        await disk.ReadAsync(asynchronous, 0, TestContext.Current.CancellationToken);
        Assert.Equal(content, asynchronous);
        using Stream stream = disk.AsStream();
        Assert.Equal(entry.ContentSha256, Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, TestContext.Current.CancellationToken)));
    }

    [Fact]
    public void Open_HeaderOnly_NamesWhatIsMissing()
    {
        DiskFormatException exception = Assert.Throws<DiskFormatException>(() => DiskImage.Open(Corpus.Require("file-tests-header-only.qcow2")));
        Assert.Equal("qcow2", exception.Format);
    }
}
