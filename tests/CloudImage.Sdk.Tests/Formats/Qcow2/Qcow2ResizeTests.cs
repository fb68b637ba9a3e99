using System;
using System.IO;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Qcow2;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Qcow2;

/// <summary>Images grown and cut in place: the content stays, the check is clean, and a crash leaves one of the two disks.</summary>
public sealed class Qcow2ResizeTests
{
    private static readonly DiskResizeOptions s_allowLoss = new() { AllowDataLoss = true };

    [Theory]
    [InlineData("cluster_size=64k", 1_000_448, 3_000_320)]
    [InlineData("cluster_size=512", 300_032, 30_000_128)]
    [InlineData("cluster_size=512,refcount_bits=64", 30_208, 300_000_256)]
    [InlineData("cluster_size=4k,extended_l2=off,compat=0.10", 1_000_448, 50_000_384)]
    [InlineData("extended_l2=on,cluster_size=16k", 1_000_448, 50_000_384)]
    [InlineData("cluster_size=2M", 3_000_320, 900_000_256)]
    [InlineData("compression=zlib", 1_000_448, 3_000_320)]
    public void Grow_KeepsTheContent_AndAddsZeros(string options, int before, int after)
    {
        QemuTool.Require();
        using TestFolder folder = new();
        byte[] content = MixedContent.Make(before, 3);
        Qcow2WriteTests.WriteNonZero(folder["image"], content, Qcow2WriteTests.Options(options));
        Resize(folder["image"], after, DiskResizeOptions.Default);
        Qcow2WriteTests.AssertChecks(folder["image"]);
        using VirtualDisk disk = DiskImage.Open(folder["image"]);
        Assert.Equal(after, disk.Length);
        byte[] read = new byte[before + 600_000];
        int count = disk.Read(read, 0);
        Assert.Equal(content, read[..before]);
        Assert.False(read.AsSpan(before, count - before).ContainsAnyExcept((byte)0));
        AssertClean(folder["image"]);
    }

    [Theory]
    [InlineData("cluster_size=64k", 3_000_320, 1_000_448)]
    [InlineData("cluster_size=512", 300_032, 10_240)]
    [InlineData("cluster_size=4k,compat=0.10", 3_000_320, 512)]
    [InlineData("extended_l2=on", 9_000_448, 4_000_256)]
    [InlineData("compression=zlib,cluster_size=4k", 3_000_320, 1_003_520)]
    public void Shrink_WhenDataMayBeLost_CutsIt_AndGrowingShowsZeros(string options, int before, int after)
    {
        QemuTool.Require();
        using TestFolder folder = new();
        byte[] content = MixedContent.Make(before, 5);
        Qcow2WriteTests.WriteNonZero(folder["image"], content, Qcow2WriteTests.Options(options));
        Assert.Throws<InvalidOperationException>(() => Resize(folder["image"], after, DiskResizeOptions.Default));
        long length = new FileInfo(folder["image"]).Length;
        Resize(folder["image"], after, s_allowLoss);
        Qcow2WriteTests.AssertChecks(folder["image"]);
        AssertClean(folder["image"]);
        Assert.True(new FileInfo(folder["image"]).Length <= length);
        Resize(folder["image"], before, DiskResizeOptions.Default);
        Qcow2WriteTests.AssertChecks(folder["image"]);
        content.AsSpan(after).Clear();
        using VirtualDisk disk = DiskImage.Open(folder["image"]);
        Assert.Equal(content, Qcow2ReadTests.ReadAll(disk));
    }

    [Theory]
    [InlineData("cluster_size=4k")]
    [InlineData("extended_l2=on,cluster_size=16k")]
    public void Grow_OverALongerParent_ShowsZeros(string options)
    {
        QemuTool.Require();
        using TestFolder folder = new();
        File.WriteAllBytes(folder["base"], MixedContent.Make(4_000_256, 1));
        const int Before = 1 << 20;
        QemuTool.Img("create", "-q", "-f", "qcow2", "-o", options, "-b", "base", "-F", "raw", folder["image"], $"{Before}");
        QemuTool.Io(folder["image"], "qcow2", "write -P 7 900k 124k", "write -P 8 0 3k");
        byte[] content;
        using (VirtualDisk disk = DiskImage.Open(folder["image"], new DiskOpenOptions { References = folder }))
        {
            content = Qcow2ReadTests.ReadAll(disk);
        }

        Resize(folder["image"], 3 << 20, DiskResizeOptions.Default);
        Qcow2WriteTests.AssertChecks(folder["image"]);
        using VirtualDisk grown = DiskImage.Open(folder["image"], new DiskOpenOptions { References = folder });
        byte[] read = Qcow2ReadTests.ReadAll(grown);
        Assert.Equal(content, read[..Before]);
        Assert.False(read.AsSpan(Before).ContainsAnyExcept((byte)0));
    }

    [Fact]
    public void Resize_WithSnapshots_GrowsAndDoesNotShrink()
    {
        QemuTool.Require();
        using TestFolder folder = new();
        QemuTool.Img("create", "-q", "-f", "qcow2", "-o", "cluster_size=4k", folder["image"], "1048576");
        QemuTool.Io(folder["image"], "qcow2", "write -P 7 100k 300k");
        QemuTool.Img("snapshot", "-c", "one", folder["image"]);
        Resize(folder["image"], 300 << 20, DiskResizeOptions.Default);
        Qcow2WriteTests.AssertChecks(folder["image"]);
        Assert.Throws<InvalidOperationException>(() => Resize(folder["image"], 1 << 20, s_allowLoss));
    }

    [Theory]
    [InlineData("cluster_size=512,refcount_bits=64", 30_208, 5_000_192)]
    [InlineData("cluster_size=512", 300_032, 10_240)]
    [InlineData("cluster_size=4k", 300_032, 100_352)]
    public void Crash_AtAnyPoint_LeavesOneOfTheTwoDisks(string options, int before, int after)
    {
        byte[] content = MixedContent.Make(before, 8);
        int number = 0;
        CrashingImageEditor.TryEveryCrash(
            Qcow2DiskConformanceTests.Write(content, Qcow2WriteTests.Options(options)),
            editor => Qcow2Format.Instance.Resize(editor, after, s_allowLoss),
            (image, what) =>
            {
                // The check of each is quick, and there may be thousands.
                if (number++ % 3 != 0)
                {
                    return;
                }

                using VirtualDisk disk = Qcow2Format.Instance.Open(new MemoryDisk(image), DiskOpenOptions.Default);
                Assert.True(disk.Length == before || disk.Length == after, what);
                byte[] read = new byte[Math.Min(disk.Length, Math.Min(before, after))];
                disk.Read(read, 0);
                Assert.True(content.AsSpan(0, read.Length).SequenceEqual(read), what);
                using MemoryDisk container = new(image);
                DiskCheckResult result = Qcow2Format.Instance.Check(container, DiskOpenOptions.Default);
                Assert.True(result.IsConsistent, $"{what}: {string.Join(Environment.NewLine, result.Problems)}");
            },
            1);
    }

    private static void Resize(string path, long length, DiskResizeOptions options)
    {
        using FileImageEditor editor = new(path);
        Qcow2Format.Instance.Resize(editor, length, options);
    }

    private static void AssertClean(string path)
    {
        using FileDisk container = FileDisk.Open(path);
        Assert.Empty(Qcow2Format.Instance.Check(container, DiskOpenOptions.Default).Problems);
    }
}
