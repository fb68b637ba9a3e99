using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Archives;
using CloudImage.Sdk.Formats.GceTar;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Tests.Formats.Archives;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.GceTar;

public sealed class GceTarFormatTests
{
    private const int Block = GceTarConstants.BlockSize;

    public static readonly (long Offset, int Length)[] Ranges = [(0, 4096), (Block - 100, 300), (5 * Block, 3 * Block), ((1L << 29) + 12345, 70_000), ((1L << 30) - 512, 512)];

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Read_WhatWasWritten_IsEqual(bool isPlanned)
    {
        byte[] archive = Write(1L << 30, isPlanned);
        Assert.Same(GceTarFormat.Instance, DiskImage.DetectFormat(new MemoryDisk(archive)));
        using VirtualDisk disk = DiskImage.Open(new MemoryDisk(archive), DiskOpenOptions.Default);
        Assert.Equal(1L << 30, disk.Length);
        Assert.Contains("random-access", disk.Info.Features);
        for (int index = Ranges.Length - 1; index >= 0; index--)
        {
            byte[] buffer = new byte[Ranges[index].Length + 600];
            long offset = Math.Max(0, Ranges[index].Offset - 300);
            int count = disk.Read(buffer, offset);
            Assert.Equal(Expected(offset, count), buffer[..count]);
            Assert.Equal(count, await disk.ReadAsync(buffer, offset));
            Assert.Equal(Expected(offset, count), buffer[..count]);
        }

        DiskCheckResult check = GceTarFormat.Instance.Check(new MemoryDisk(archive), DiskOpenOptions.Default);
        Assert.Empty(check.Problems);
    }

    [Fact]
    public void GetExtents_PlannedDisk_ListsWholeBlocksAlone()
    {
        using VirtualDisk disk = DiskImage.Open(new MemoryDisk(Write(1L << 30, true)), DiskOpenOptions.Default);
        long data = disk.GetExtents(0, disk.Length).Where(static extent => extent.Kind == DiskExtentKind.Data).Sum(static extent => extent.Length);
        Assert.Equal(7 * Block, data);
    }

    [Fact]
    public void Create_LengthThatIsNoGigabyte_IsRoundedUpWithZeros()
    {
        byte[] archive = Write((1L << 30) - 1000, true, static (offset, length) => offset + length <= (1L << 30) - 1000);
        using VirtualDisk disk = DiskImage.Open(new MemoryDisk(archive), DiskOpenOptions.Default);
        Assert.Equal(1L << 30, disk.Length);
        using MemoryImageSink sink = new();
        ArgumentException exception = Assert.Throws<ArgumentException>(() => GceTarFormat.Instance.Create(sink, 1000, new GceTarOptions { RoundUpToGigabyte = false }));
        Assert.Contains("1073741824", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Write_OutOfOrderOrUnplanned_Throws()
    {
        using DiskWriter writer = GceTarFormat.Instance.Create(new MemoryImageSink(), 1L << 30, new GceTarOptions());
        writer.Plan(new BlockMap([new DiskExtent(Block, Block, DiskExtentKind.Data)]));
        writer.Write(new byte[Block], Block);
        Assert.Throws<InvalidOperationException>(() => writer.Write(new byte[1], 0));
        byte[] ones = new byte[Block];
        Array.Fill(ones, (byte)1);
        Assert.Throws<InvalidOperationException>(() => writer.Write(ones, 2 * Block));
    }

    [Fact]
    public async Task WriteEncoded_BlocksInOrder_EqualWrite()
    {
        byte[] expected = Write(1L << 30, true);
        using MemoryImageSink sink = new();
        using DiskWriter writer = GceTarFormat.Instance.Create(sink, 1L << 30, new GceTarOptions());
        BlockMap map = Map();
        writer.Plan(map);
        foreach (DiskExtent extent in GceTarHeaderWriter.AlignToBlocks(map))
        {
            for (long offset = extent.Offset; offset < extent.End; offset += Block)
            {
                EncodedBlock block = writer.EncodeBlock(Expected(offset, Block), offset);
                await writer.WriteEncodedAsync(block);
            }
        }

        writer.Complete();
        Assert.Equal(expected, sink.ToArray());
    }

    [Fact]
    public void OpenSequential_FromPipe_DeliversTheDisk()
    {
        byte[] archive = Write(1L << 30, true);
        using SequentialDiskSource source = DiskImage.OpenSequential(new ForwardStream(archive), DiskOpenOptions.Default);
        Assert.Equal(1L << 30, source.Length);
        Assert.NotNull(source.Map);
        byte[] buffer = new byte[100_000];
        long position = 0;
        while (source.ReadNext(buffer) is { Length: > 0 } extent)
        {
            Assert.Equal(position, extent.Offset);
            position = extent.End;
            if (extent.Kind == DiskExtentKind.Data)
            {
                Assert.Equal(Expected(extent.Offset, (int)extent.Length), buffer[..(int)extent.Length]);
            }
            else
            {
                Assert.DoesNotContain(Ranges, range => range.Offset < extent.End && range.Offset + range.Length > extent.Offset);
            }
        }

        Assert.Equal(1L << 30, position);
    }

    [Fact]
    public void Read_DamagedMember_IsFoundByItsChecksum()
    {
        byte[] archive = Write(1L << 30, true);
        archive[^200_000] ^= 0x40;
        using VirtualDisk disk = DiskImage.Open(new MemoryDisk(archive), DiskOpenOptions.Default);
        Assert.Throws<DiskFormatException>(() =>
        {
            foreach ((long offset, int length) in Ranges)
            {
                disk.Read(new byte[length], offset);
            }
        });
        Assert.False(GceTarFormat.Instance.Check(new MemoryDisk(archive), DiskOpenOptions.Default).IsConsistent);
    }

    [Fact]
    public void Read_TruncatedArchive_Throws()
    {
        byte[] archive = Write(1L << 30, true)[..^60_000];
        using VirtualDisk disk = DiskImage.Open(new MemoryDisk(archive), DiskOpenOptions.Default);
        Assert.Throws<DiskFormatException>(() => disk.Read(new byte[512], (1L << 30) - 512));
        using SequentialDiskSource source = DiskImage.OpenSequential(new ForwardStream(archive), DiskOpenOptions.Default);
        byte[] buffer = new byte[1 << 20];
        Assert.Throws<DiskFormatException>(() =>
        {
            while (source.ReadNext(buffer).Length > 0)
            {
            }
        });
    }

    [Fact]
    public async Task Read_ForeignArchiveInOrder_DecodesOnce()
    {
        byte[] content = new byte[3_000_000];
        new Random(7).NextBytes(content);
        byte[] archive = new TarBuilder().Add("./", [], TarConstants.TypeDirectory).Add("./disk.raw", content).BuildGzip();
        using GzipReader reader = await GzipReader.OpenAsync(new MemoryDisk(archive), "gce", DiskReadLimits.Untrusted, IoMode.Synchronous, default);
        byte[] buffer = new byte[100_000];
        for (int offset = 0; offset < content.Length; offset += buffer.Length)
        {
            await reader.ReadAsync(buffer, 1024 + offset, IoMode.Synchronous, default);
            Assert.Equal(content[offset..(offset + buffer.Length)], buffer);
        }

        Assert.Equal(1, reader.Restarts);
        using VirtualDisk disk = DiskImage.Open(new MemoryDisk(archive), DiskOpenOptions.Default);
        Parallel.For(0, 30, index =>
        {
            byte[] part = new byte[100_000];
            disk.Read(part, index * 100_000);
            Assert.Equal(content[(index * 100_000)..((index + 1) * 100_000)], part);
        });
    }

    [Theory]
    [InlineData("0.0")]
    [InlineData("0.1")]
    [InlineData("1.0")]
    [InlineData("gnu")]
    public void Read_SparseByHand_EveryVariant(string variant)
    {
        byte[] stored = new byte[1536];
        new Random(3).NextBytes(stored);
        byte[] expected = new byte[10_000];
        stored.AsSpan(0, 512).CopyTo(expected.AsSpan(1024));
        stored.AsSpan(512).CopyTo(expected.AsSpan(4096));
        TarBuilder builder = new();
        switch (variant)
        {
            case "0.0":
                builder.AddPax(
                    TarBuilder.Record("GNU.sparse.size", "10000") + TarBuilder.Record("GNU.sparse.numblocks", "2") + TarBuilder.Record("GNU.sparse.offset", "1024")
                    + TarBuilder.Record("GNU.sparse.numbytes", "512") + TarBuilder.Record("GNU.sparse.offset", "4096") + TarBuilder.Record("GNU.sparse.numbytes", "1024"))
                    .Add("disk.raw", stored);
                break;
            case "0.1":
                builder.AddPax(
                    TarBuilder.Record("GNU.sparse.name", "disk.raw") + TarBuilder.Record("GNU.sparse.size", "10000") + TarBuilder.Record("GNU.sparse.map", "1024,512,4096,1024"))
                    .Add("GNUSparseFile.1/disk.raw", stored);
                break;
            case "1.0":
                byte[] map = new byte[512];
                Encoding.ASCII.GetBytes("3\n1024\n512\n4096\n1024\n10000\n0\n", map);
                builder.AddPax(
                    TarBuilder.Record("GNU.sparse.major", "1") + TarBuilder.Record("GNU.sparse.minor", "0") + TarBuilder.Record("GNU.sparse.name", "disk.raw")
                    + TarBuilder.Record("GNU.sparse.realsize", "10000")).Add("GNUSparseFile.1/disk.raw", [.. map, .. stored]);
                break;
            default:
                builder.Add("disk.raw", stored, TarConstants.TypeSparse, change: TarBuilder.Sparse(10_000, false, (1024, 512), (4096, 1024), (10_000, 0)));
                break;
        }

        using VirtualDisk disk = DiskImage.Open(new MemoryDisk(builder.BuildGzip()), DiskOpenOptions.Default);
        byte[] content = new byte[20_000];
        Assert.Equal(10_000, disk.Read(content, 0));
        Assert.Equal(expected, content[..10_000]);
        Assert.Equal("sparse", disk.Info.Variant);
        Assert.Equal(1536, disk.GetExtents(0, disk.Length).Where(static extent => extent.Kind == DiskExtentKind.Data).Sum(static extent => extent.Length));
    }

    [Theory]
    [InlineData("level", "9", true)]
    [InlineData("roundup", "off", true)]
    [InlineData("level", "0", false)]
    [InlineData("level", "x", false)]
    [InlineData("colour", "red", false)]
    public void ParseOptions_KnowsItsNames(string name, string value, bool isValid)
    {
        Dictionary<string, string> settings = new() { [name] = value };
        if (isValid)
        {
            Assert.IsType<GceTarOptions>(GceTarFormat.Instance.ParseOptions(settings));
        }
        else
        {
            Assert.ThrowsAny<ArgumentException>(() => GceTarFormat.Instance.ParseOptions(settings));
        }
    }

    internal static byte[] Write(long length, bool isPlanned, Func<long, int, bool>? isWanted = null)
    {
        using MemoryImageSink sink = new();
        using DiskWriter writer = GceTarFormat.Instance.Create(sink, length, new GceTarOptions { CompressionLevel = 6 });
        if (isPlanned)
        {
            writer.Plan(Map(isWanted));
        }

        foreach ((long offset, int count) in Ranges.Where(range => isWanted?.Invoke(range.Offset, range.Length) ?? true))
        {
            writer.Write(Content(offset, count), offset);
        }

        writer.Complete();
        return sink.ToArray();
    }

    internal static byte[] Expected(long offset, int count)
    {
        byte[] expected = new byte[count];
        foreach ((long start, int length) in Ranges)
        {
            byte[] content = Content(start, length);
            for (long position = Math.Max(offset, start); position < Math.Min(offset + count, start + length); position++)
            {
                expected[position - offset] = content[position - start];
            }
        }

        return expected;
    }

    internal static BlockMap Map(Func<long, int, bool>? isWanted = null) =>
        new(Ranges.Where(range => isWanted?.Invoke(range.Offset, range.Length) ?? true).Select(static range => new DiskExtent(range.Offset, range.Length, DiskExtentKind.Data)));

    internal static byte[] Content(long offset, int count)
    {
        byte[] content = new byte[count];
        new Random((int)(offset % 1000)).NextBytes(content);
        return content;
    }
}
