using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Qcow2;
using CloudImage.Sdk.IO;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Qcow2;

/// <summary>Images written here: qemu-img finds nothing to complain about and reads the same content, and so do we.</summary>
public sealed class Qcow2WriteTests
{
    public static TheoryData<string, int> Variants => new()
    {
        { "cluster_size=512", 300_123 },
        { "cluster_size=4k", 3_000_448 },
        { "cluster_size=64k", 9_000_448 },
        { "cluster_size=2M", 17_000_448 },
        { "compat=0.10", 3_000_448 },
        { "compat=0.10,cluster_size=1k", 300_032 },
        { "refcount_bits=1,cluster_size=4k", 3_000_448 },
        { "refcount_bits=2,compression=zlib,cluster_size=4k", 3_000_448 },
        { "refcount_bits=1,compression=zlib,cluster_size=16k", 3_000_448 },
        { "refcount_bits=64,lazy_refcounts=on", 3_000_448 },
        { "extended_l2=on", 5_000_192 },
        { "extended_l2=on,cluster_size=16k", 2_000_384 },
        { "compression=zlib", 5_000_192 },
        { "compression=zlib,compat=0.10,cluster_size=512", 300_032 },
        { "compression=zlib,cluster_size=2M", 9_000_448 },
        { "compression=zstd", 5_000_192 },
        { "compression=zstd,cluster_size=1M,extended_l2=on", 9_000_448 },
        { "compression_type=zstd", 3_000_448 },
        { "preallocation=metadata", 3_000_448 },
        { "data_file=data", 3_000_448 },
        { "data_file=data,data_file_raw=on,cluster_size=4k", 3_000_448 },
    };

    [Theory]
    [MemberData(nameof(Variants))]
    public async Task Write_AnyOrderAndAlignment_QemuAgrees(string variant, int size)
    {
        QemuTool.Require();
        using TestFolder folder = new();
        byte[] content = MixedContent.Make(size, variant.Length);
        await using (DiskWriter writer = DiskImage.Create(folder["image"], size, Options(variant), WriteDurability.None))
        {
            await WriteScattered(writer, content, 11);
            await writer.CompleteAsync(TestContext.Current.CancellationToken);
        }

        AssertGood(folder, content);
    }

    [Theory]
    [InlineData("compression=zlib")]
    [InlineData("compression=zstd,cluster_size=4k")]
    public async Task WriteEncoded_WholeClusters_QemuAgrees(string variant)
    {
        QemuTool.Require();
        using TestFolder folder = new();
        byte[] content = MixedContent.Make(5_000_192, 8);
        await using (DiskWriter writer = DiskImage.Create(folder["image"], content.Length, Options(variant), WriteDurability.None))
        {
            Assert.True(writer.EncodesBlocks);
            for (int offset = 0; offset < content.Length; offset += writer.PreferredBlockSize)
            {
                int count = Math.Min(writer.PreferredBlockSize, content.Length - offset);
                await writer.WriteEncodedAsync(writer.EncodeBlock(content.AsSpan(offset, count), offset), TestContext.Current.CancellationToken);
            }

            await writer.CompleteAsync(TestContext.Current.CancellationToken);
        }

        AssertGood(folder, content);
    }

    [Theory]
    [InlineData("cluster_size=64k", 0)]
    [InlineData("cluster_size=512,compat=0.10", 0)]
    [InlineData("cluster_size=4k,extended_l2=off,refcount_bits=1", 0)]
    [InlineData("extended_l2=on", 0)]
    [InlineData("preallocation=metadata", 0)]
    [InlineData("cluster_size=2M", 0)]
    public async Task Write_ToPipe_QemuAgrees(string variant, int seed)
    {
        QemuTool.Require();
        using TestFolder folder = new();
        byte[] content = MixedContent.Make(4_000_256, seed + 40);
        using (FileStream file = File.Create(folder["image"]))
        {
            using DiskWriter writer = DiskImage.Create(new ForwardOnly(file), content.Length, Options(variant));
            Assert.True(writer.RequiresPlan && writer.RequiresSequentialWrites);
            List<DiskExtent> plan = [];
            const int Piece = 10_240;
            for (int offset = 0; offset < content.Length; offset += Piece)
            {
                int count = Math.Min(Piece, content.Length - offset);
                plan.Add(new DiskExtent(offset, count, content.AsSpan(offset, count).ContainsAnyExcept((byte)0) ? DiskExtentKind.Data : DiskExtentKind.Unmapped));
            }

            writer.Plan(new BlockMap(plan));
            foreach (DiskExtent extent in plan.Where(static extent => extent.Kind == DiskExtentKind.Data))
            {
                await writer.WriteAsync(content.AsMemory((int)extent.Offset, (int)extent.Length), extent.Offset, TestContext.Current.CancellationToken);
            }

            await writer.CompleteAsync(TestContext.Current.CancellationToken);
        }

        AssertGood(folder, content);
    }

    [Theory]
    [InlineData("cluster_size=64k", true)]
    [InlineData("cluster_size=4k,compat=0.10", true)]
    [InlineData("cluster_size=64k,extended_l2=on", true)]
    [InlineData("compression=zlib", true)]
    [InlineData("compression=zstd,extended_l2=on", true)]
    [InlineData("compat=0.10,compression=zlib", true)]
    [InlineData("cluster_size=2M", false)]
    public async Task Write_OverParent_QemuAgrees(string variant, bool isShorter)
    {
        QemuTool.Require();
        using TestFolder folder = new();
        byte[] parent = MixedContent.Make(isShorter ? 3_000_320 : 6_000_128, 2);
        File.WriteAllBytes(folder["base"], parent);
        byte[] content = new byte[4_000_256];
        parent.AsSpan(0, Math.Min(parent.Length, content.Length)).CopyTo(content);
        using FileDisk parentDisk = FileDisk.Open(folder["base"]);
        Qcow2Options parsed = Options(variant + ",backing_file=base,backing_fmt=raw");
        await using (DiskWriter writer = DiskImage.Create(folder["image"], content.Length, With(parsed, parentDisk), WriteDurability.None))
        {
            Random random = new(6);
            for (int step = 0; step < 60; step++)
            {
                int offset = random.Next(content.Length);
                int count = Math.Min(content.Length - offset, random.Next(1, step % 5 == 0 ? 400_000 : 9000));
                if (Touches(writer, parsed, offset, count))
                {
                    continue;
                }

                if (step % 3 == 0)
                {
                    content.AsSpan(offset, count).Clear();
                    await writer.WriteZeroesAsync(offset, count, TestContext.Current.CancellationToken);
                }
                else
                {
                    random.NextBytes(content.AsSpan(offset, count));
                    await writer.WriteAsync(content.AsMemory(offset, count), offset, TestContext.Current.CancellationToken);
                }
            }

            await writer.CompleteAsync(TestContext.Current.CancellationToken);
        }

        AssertGood(folder, content);
    }

    [Fact]
    public void Complete_PartOfClusterOverParent_NamesWhatIsMissing()
    {
        using MemoryImageSink sink = new();
        using DiskWriter writer = Qcow2Format.Instance.Create(sink, 1 << 20, Options("backing_file=base,backing_fmt=raw"));
        writer.Write(new byte[100], 1000);
        InvalidOperationException exception = Assert.Throws<InvalidOperationException>(writer.Complete);
        Assert.Contains("ParentContent", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("cluster_size=64k")]
    [InlineData("cluster_size=4k")]
    [InlineData("cluster_size=512")]
    [InlineData("extended_l2=on")]
    public void Write_SameContentAsConvert_IsNoLonger(string variant)
    {
        QemuTool.Require();
        using TestFolder folder = new();
        byte[] content = MixedContent.Make(9_000_448, 14);
        File.WriteAllBytes(folder["raw"], content);
        QemuTool.Img("convert", "-q", "-f", "raw", "-O", "qcow2", "-o", variant, folder["raw"], folder["theirs"]);
        WriteNonZero(folder["image"], content, Options(variant));
        AssertGood(folder, content);
        AssertNoLonger(folder, variant);
        foreach (string type in (string[])["zlib", "zstd"])
        {
            QemuTool.Img("convert", "-q", "-c", "-f", "raw", "-O", "qcow2", "-o", $"{variant},compression_type={type}", folder["raw"], folder["theirs"]);
            WriteNonZero(folder["image"], content, Options($"{variant},compression={type}"));
            AssertGood(folder, content);
            AssertNoLonger(folder, type);
        }
    }

    [Fact]
    public void Write_HugeSparseDisk_IsSmallAndQemuAgrees()
    {
        QemuTool.Require();
        using TestFolder folder = new();
        const long Size = 64L << 40;
        using (DiskWriter writer = DiskImage.Create(folder["image"], Size, new Qcow2Options(), WriteDurability.None))
        {
            writer.Write([1, 2, 3], Size - 3);
            writer.WriteZeroes(0, Size - 65536);
            writer.Complete();
        }

        Assert.True(new FileInfo(folder["image"]).Length < 2 << 20);
        AssertChecks(folder["image"]);
        using VirtualDisk disk = DiskImage.Open(folder["image"]);
        byte[] end = new byte[4];
        Assert.Equal(4, disk.Read(end, Size - 4));
        Assert.Equal([0, 1, 2, 3], end);
        Assert.Equal([DiskExtentKind.Unmapped, DiskExtentKind.Data], disk.GetExtents(0, Size).Select(static extent => extent.Kind));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(512)]
    public void Write_TinyDisk_QemuAgrees(int size)
    {
        QemuTool.Require();
        using TestFolder folder = new();
        byte[] content = MixedContent.Make(size, 4);
        WriteNonZero(folder["image"], content, new Qcow2Options());
        AssertChecks(folder["image"]);
        using VirtualDisk disk = DiskImage.Open(folder["image"]);
        Assert.Equal(content, Qcow2ReadTests.ReadAll(disk));
    }

    [Theory]
    [InlineData("cluster_size=500")]
    [InlineData("cluster_size=4M")]
    [InlineData("cluster_size=x")]
    [InlineData("compat=2")]
    [InlineData("nonsense=1")]
    [InlineData("refcount_bits=3")]
    [InlineData("extended_l2=on,cluster_size=4k")]
    [InlineData("compat=0.10,extended_l2=on")]
    [InlineData("compat=0.10,compression=zstd")]
    [InlineData("backing_file=base")]
    [InlineData("data_file_raw=on")]
    [InlineData("preallocation=full")]
    [InlineData("compression=zlib,compression_level=10")]
    public void ParseOptions_Impossible_IsRefused(string variant) => Assert.Throws<ArgumentException>(() => Options(variant));

    [Fact]
    public void Create_TooLongForItsClusters_IsRefused() =>
        Assert.Throws<ArgumentException>(() => Qcow2Format.Instance.Create(new MemoryImageSink(), 1L << 40, Options("cluster_size=512")));

    // Ours ends with a table, which is a whole cluster; theirs may end inside one.
    private static void AssertNoLonger(TestFolder folder, string what)
    {
        long ours = new FileInfo(folder["image"]).Length;
        long theirs = new FileInfo(folder["theirs"]).Length;
        Assert.True(ours <= (theirs + 65535 & -65536), $"{what}: {ours} bytes against {theirs}");
    }

    internal static Qcow2Options Options(string variant) =>
        (Qcow2Options)Qcow2Format.Instance.ParseOptions(variant.Split(',').ToDictionary(static part => part.Split('=')[0], static part => part.Split('=')[1]));

    internal static void WriteNonZero(string path, byte[] content, Qcow2Options options)
    {
        using DiskWriter writer = DiskImage.Create(path, content.Length, options, WriteDurability.None);
        for (int offset = 0; offset < content.Length; offset += writer.PreferredBlockSize)
        {
            ReadOnlySpan<byte> piece = content.AsSpan(offset, Math.Min(writer.PreferredBlockSize, content.Length - offset));
            if (piece.ContainsAnyExcept((byte)0))
            {
                writer.Write(piece, offset);
            }
        }

        writer.Complete();
    }

    internal static void AssertChecks(string path)
    {
        (int exitCode, string output) = QemuTool.TryImg("check", "-f", "qcow2", path);
        Assert.True(exitCode == 0 && output.Contains("No errors were found", StringComparison.Ordinal), $"qemu-img check ended with {exitCode}: {output}");
    }

    // Disjoint pieces in a random order, several at a time.
    private static async Task WriteScattered(DiskWriter writer, byte[] content, int seed)
    {
        Random random = new(seed);
        List<(int Offset, int Count)> pieces = [];
        for (int offset = 0; offset < content.Length;)
        {
            int count = Math.Min(content.Length - offset, random.Next(3) == 0 ? random.Next(1, 300_000) : random.Next(1, 20_000));
            pieces.Add((offset, count));
            offset += count;
        }

        (int Offset, int Count)[] shuffled = [.. pieces.Where(piece => content.AsSpan(piece.Offset, piece.Count).ContainsAnyExcept((byte)0))];
        random.Shuffle(shuffled);
        ParallelOptions options = new() { MaxDegreeOfParallelism = 4, CancellationToken = TestContext.Current.CancellationToken };
        await Parallel.ForEachAsync(shuffled, options, async (piece, token) =>
        {
            if (piece.Count % 2 == 0)
            {
                writer.Write(content.AsSpan(piece.Offset, piece.Count), piece.Offset);
            }
            else
            {
                await writer.WriteAsync(content.AsMemory(piece.Offset, piece.Count), piece.Offset, token);
            }
        });
    }

    private static void AssertGood(TestFolder folder, byte[] content)
    {
        AssertChecks(folder["image"]);
        File.WriteAllBytes(folder["expected"], content);
        (int exitCode, string output) = QemuTool.TryImg("compare", "-f", "qcow2", "-F", "raw", folder["image"], folder["expected"]);
        bool isSame = exitCode == 0 || (content.Length % 512 != 0 && exitCode == 1 && output.Contains("size", StringComparison.Ordinal));
        Assert.True(isSame, $"qemu-img compare ended with {exitCode}: {output}");
        using VirtualDisk disk = DiskImage.Open(folder["image"], new DiskOpenOptions { References = folder });
        Assert.Equal(content, Qcow2ReadTests.ReadAll(disk));
    }

    // A cluster that is compressed already cannot be written again in part: such steps are left out.
    private static readonly Dictionary<DiskWriter, HashSet<long>> s_touched = [];

    private static bool Touches(DiskWriter writer, Qcow2Options options, int offset, int count)
    {
        if (options.Compression == Qcow2Compression.None)
        {
            return false;
        }

        lock (s_touched)
        {
            HashSet<long> touched = s_touched.TryGetValue(writer, out HashSet<long>? known) ? known : s_touched[writer] = [];
            long first = offset / options.ClusterSize;
            long last = (offset + count - 1) / options.ClusterSize;
            if (touched.Any(cluster => cluster >= first && cluster <= last))
            {
                return true;
            }

            for (long cluster = first; cluster <= last; cluster++)
            {
                touched.Add(cluster);
            }

            return false;
        }
    }

    private static Qcow2Options With(Qcow2Options options, VirtualDisk parentContent) => new()
    {
        ClusterSize = options.ClusterSize,
        Version = options.Version,
        Compression = options.Compression,
        ExtendedL2 = options.ExtendedL2,
        Parent = options.Parent,
        ParentContent = parentContent,
    };

    /// <summary>A stream that can only be written to, forward.</summary>
    private sealed class ForwardOnly(Stream stream) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Write(byte[] buffer, int offset, int count) => stream.Write(buffer, offset, count);

        public override void Flush() => stream.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
