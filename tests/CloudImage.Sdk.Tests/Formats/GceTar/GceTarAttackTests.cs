using System;
using System.Collections.Generic;
using System.IO;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Archives;
using CloudImage.Sdk.Formats.GceTar;
using CloudImage.Sdk.Tests.Formats.Archives;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.GceTar;

public sealed class GceTarAttackTests
{
    private static readonly byte[] s_content = new byte[1024];

    public static TheoryData<string> RefusedAtOpen => [.. s_refused.Keys];

    private static readonly Dictionary<string, (byte[] Archive, string Message)> s_refused = new()
    {
        ["path above"] = (new TarBuilder().Add("../disk.raw", s_content).BuildGzip(), "'../disk.raw'"),
        ["absolute path"] = (new TarBuilder().Add("/disk.raw", s_content).BuildGzip(), "'/disk.raw'"),
        ["in a folder"] = (new TarBuilder().Add("a/disk.raw", s_content).BuildGzip(), "'a/disk.raw'"),
        ["symbolic link"] = (new TarBuilder().Add("disk.raw", [], (byte)'2').BuildGzip(), "type '2'"),
        ["hard link"] = (new TarBuilder().Add("disk.raw", [], (byte)'1').BuildGzip(), "type '1'"),
        ["device"] = (new TarBuilder().Add("disk.raw", [], (byte)'4').BuildGzip(), "type '4'"),
        ["other file first"] = (new TarBuilder().Add("evil", s_content).Add("disk.raw", s_content).BuildGzip(), "'evil'"),
        ["nothing"] = (new TarBuilder().BuildGzip(), "no member"),
        ["empty disk"] = (new TarBuilder().Add("disk.raw", []).BuildGzip(), "no bytes"),
        ["negative size"] = (new TarBuilder().Add("disk.raw", [], change: static header => header.AsSpan(124, 12).Fill(0xff)).BuildGzip(), "63 bits"),
        ["sparse overlap"] = (new TarBuilder().Add("disk.raw", s_content, TarConstants.TypeSparse, change: TarBuilder.Sparse(4096, false, (0, 512), (256, 512))).BuildGzip(), "Entry 1"),
        ["sparse backwards"] = (new TarBuilder().Add("disk.raw", s_content, TarConstants.TypeSparse, change: TarBuilder.Sparse(4096, false, (2048, 512), (0, 512))).BuildGzip(), "Entry 1"),
        ["sparse outside"] = (new TarBuilder().Add("disk.raw", s_content, TarConstants.TypeSparse, change: TarBuilder.Sparse(1000, false, (0, 1024))).BuildGzip(), "Entry 0"),
        ["sparse overflow"] = (new TarBuilder().Add("disk.raw", s_content, TarConstants.TypeSparse, change: TarBuilder.Sparse(long.MaxValue, false, (long.MaxValue - 1, long.MaxValue))).BuildGzip(), "Entry 0"),
        ["sparse sum"] = (new TarBuilder().Add("disk.raw", s_content, TarConstants.TypeSparse, change: TarBuilder.Sparse(4096, false, (0, 512))).BuildGzip(), "512 stored"),
        ["sparse empty extensions"] = (new TarBuilder().Add("disk.raw", s_content, TarConstants.TypeSparse, change: TarBuilder.Sparse(4096, true, (0, 1024)), extensions: EmptyExtension()).BuildGzip(), "empty"),
        ["sparse too large"] = (new TarBuilder().Add("disk.raw", [], TarConstants.TypeSparse, change: TarBuilder.Sparse(long.MaxValue, false)).BuildGzip(), "MaxVirtualSize"),
        ["pax without map"] = (new TarBuilder().AddPax(TarBuilder.Record("GNU.sparse.realsize", "4096")).Add("disk.raw", s_content).BuildGzip(), "without its map"),
        ["pax map longer than member"] = (new TarBuilder()
            .AddPax(TarBuilder.Record("GNU.sparse.major", "1") + TarBuilder.Record("GNU.sparse.minor", "0") + TarBuilder.Record("GNU.sparse.realsize", "4096"))
            .Add("disk.raw", Numbers("99999999999999\n", 1024)).BuildGzip(), "longer than the member"),
        ["pax map not numbers"] = (new TarBuilder()
            .AddPax(TarBuilder.Record("GNU.sparse.major", "1") + TarBuilder.Record("GNU.sparse.minor", "0") + TarBuilder.Record("GNU.sparse.realsize", "4096"))
            .Add("disk.raw", s_content).BuildGzip(), "63 bits"),
        ["pax broken record"] = (new TarBuilder().AddPax("99 path=disk.raw\n").Add("disk.raw", s_content).BuildGzip(), "pax"),
        ["pax larger than allowed"] = (new TarBuilder().Add("x", new byte[2 << 20], TarConstants.TypePax).Add("disk.raw", s_content).BuildGzip(), "MaxTextLength"),
        ["headers without end"] = (ManyHeaders(), "MaxListEntries"),
        ["not a header"] = (TarBuilder.Gzip([1, .. new byte[2000]]), "checksum"),
        ["not gzip"] = ([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff], "damaged"),
    };

    [Theory]
    [MemberData(nameof(RefusedAtOpen))]
    public void Open_HostileArchive_IsRefusedWithTheReason(string name)
    {
        (byte[] archive, string message) = s_refused[name];
        DiskFormatException exception = Assert.Throws<DiskFormatException>(() => GceTarFormat.Instance.Open(new MemoryDisk(archive), DiskOpenOptions.Default));
        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
        exception = Assert.Throws<DiskFormatException>(() => GceTarFormat.Instance.OpenSequential(new ForwardStream(archive), DiskOpenOptions.Default));
        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("disk.raw", "second")]
    [InlineData("evil", "'evil'")]
    public void ReadToEnd_SomethingBehindTheDisk_IsRefused(string name, string message)
    {
        byte[] archive = new TarBuilder().Add("disk.raw", s_content).Add(name, s_content).BuildGzip();
        using SequentialDiskSource source = GceTarFormat.Instance.OpenSequential(new MemoryStream(archive), DiskOpenOptions.Default);
        byte[] buffer = new byte[4096];
        Assert.Equal(1024, source.ReadNext(buffer).Length);
        Assert.Contains(message, Assert.Throws<DiskFormatException>(() => source.ReadNext(buffer)).Message, StringComparison.Ordinal);
        DiskCheckResult check = GceTarFormat.Instance.Check(new MemoryDisk(archive), DiskOpenOptions.Default);
        Assert.False(check.IsConsistent);
    }

    [Fact]
    public void Open_GzipBomb_CostsNothingBeforeItIsRead()
    {
        // A terabyte of one data range: the header is believed, nothing is decoded or allocated for it.
        byte[] archive = new TarBuilder().Add("disk.raw", [], TarConstants.TypeFile, 1L << 40).BuildGzip();
        long before = GC.GetAllocatedBytesForCurrentThread();
        using VirtualDisk disk = GceTarFormat.Instance.Open(new MemoryDisk(archive), DiskOpenOptions.Default);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
        Assert.Equal(1L << 40, disk.Length);
        Assert.Throws<DiskFormatException>(() => disk.Read(new byte[512], 1 << 20));
    }

    private static byte[] EmptyExtension()
    {
        byte[] block = new byte[512];
        block[TarConstants.ExtensionIsExtendedOffset] = 1;
        return block;
    }

    private static byte[] Numbers(string head, int length)
    {
        byte[] content = new byte[length];
        for (int index = 0; index < length; index++)
        {
            content[index] = (byte)(index < head.Length ? head[index] : (index - head.Length) % 2 == 0 ? '0' : '\n');
        }

        return content;
    }

    private static byte[] ManyHeaders()
    {
        TarBuilder builder = new();
        for (int index = 0; index < 65537; index++)
        {
            builder.Add("./", [], TarConstants.TypeDirectory);
        }

        return builder.BuildGzip();
    }
}
