using System;
using System.Linq;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Vhdx;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Vhdx;

public sealed class VhdxCorpusTests
{
    [Theory]
    [InlineData("hyperv-btrfs.vhdx")]
    [InlineData("hyperv-swap.vhdx")]
    [InlineData("qemu-iotest-dynamic-1G.vhdx")]
    public void File_HasTheKnownContent(string name)
    {
        string path = Corpus.Require(name);
        using VirtualDisk disk = DiskImage.Open(path);
        Assert.Equal("vhdx", disk.Info.FormatName);
        Assert.Equal(Corpus.Entry(name).VirtualSize, disk.Length);
        Assert.Equal(Corpus.Entry(name).ContentSha256, ContentHash.Of(disk));
        using FileDisk file = FileDisk.Open(path);
        DiskCheckResult result = VhdxFormat.Instance.Check(file, DiskOpenOptions.Default);
        Assert.True(result.IsConsistent, string.Join(Environment.NewLine, result.Problems));
    }

    [Fact]
    public void DirtyLog_ReadsAsAfterItsReplay_AndTheFileStays()
    {
        string path = Corpus.Require("qemu-iotest-dirtylog-10G-4M.vhdx");
        using VirtualDisk disk = DiskImage.Open(path);
        Assert.True(disk.Info.IsDirty);
        Assert.Equal(10L << 30, disk.Length);
        byte[] buffer = new byte[1 << 20];
        foreach (DiskExtent extent in disk.GetExtents(0, disk.Length).Where(static extent => extent.Kind == DiskExtentKind.Data))
        {
            for (long offset = extent.Offset; offset < extent.End; offset += buffer.Length)
            {
                disk.Read(buffer, offset);
                Assert.False(buffer.AsSpan().ContainsAnyExcept(offset < 18 << 20 ? (byte)0xa5 : (byte)0), $"The MiB at {offset} holds something else.");
            }
        }

        disk.Read(buffer, 17 << 20);
        Assert.False(buffer.AsSpan().ContainsAnyExcept((byte)0xa5));
        using FileDisk file = FileDisk.Open(path);
        Assert.False(VhdxFormat.Instance.Check(file, DiskOpenOptions.Default).IsConsistent);
    }
}
