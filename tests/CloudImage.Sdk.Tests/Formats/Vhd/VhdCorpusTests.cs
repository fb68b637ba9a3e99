using System;
using System.Linq;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Vhd;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Vhd;

public sealed class VhdCorpusTests
{
    [Theory]
    [InlineData("dfvfs-ext2.vhd")]
    [InlineData("plaso-image.vhd")]
    [InlineData("tsk-image.vhd")]
    [InlineData("windows-dynamic.vhd")]
    [InlineData("windows-fixed.vhd")]
    [InlineData("vhd-forensic-fixed.vhd")]
    [InlineData("vhd-forensic-minimal.vhd")]
    public void File_HasTheKnownContent(string name)
    {
        string path = Corpus.Require(name);
        using VirtualDisk disk = DiskImage.Open(path);
        Assert.Equal("vhd", disk.Info.FormatName);
        Assert.Equal(Corpus.Entry(name).VirtualSize, disk.Length);
        Assert.Equal(Corpus.Entry(name).ContentSha256, ContentHash.Of(disk));
        using FileDisk file = FileDisk.Open(path);
        Assert.Empty(VhdFormat.Instance.Check(file, DiskOpenOptions.Default).Problems.Select(static problem => problem.ToString()));
    }

    [Fact]
    public void OriginalSizeOther_IsReadWithTheCurrentSize()
    {
        using VirtualDisk disk = DiskImage.Open(Corpus.Require("vhd-forensic-original-size-mismatch.vhd"));
        Assert.Equal(2123776, disk.Length);
        Assert.Equal("1061888", disk.Info.Details["originalSize"]);
    }
}
