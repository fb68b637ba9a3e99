using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.GceTar;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats;

/// <summary>Every format that is read into every one that is written, over disks of every shape, from and to files and pipes.</summary>
public sealed class FormatMatrixTests
{
    private const long Gigabyte = 1L << 30;

    private static readonly Dictionary<string, string[]> s_variants = new()
    {
        ["raw"] = [""],
        ["qcow2"] = ["", "compression_type=zstd", "extended_l2=on"],
        ["vhd"] = ["subformat=dynamic", "subformat=fixed"],
        ["vhdx"] = ["subformat=dynamic", "subformat=fixed"],
        ["vmdk"] = ["subformat=monolithicSparse", "subformat=streamOptimized"],
        ["vdi"] = ["", "static=on"],
        ["ova"] = [""],
        ["gce"] = ["level=1"],
    };

    private static readonly string[] s_shapes = ["sparse", "full", "fragmented", "odd-sized"];

    public static TheoryData<string> Variants => [.. s_variants.SelectMany(static pair => pair.Value.Select(variant => $"{pair.Key} {variant}"))];

    [Fact]
    public void Variants_CoverEveryFormatThatIsWritten()
    {
        IEnumerable<string> written = DiskFormatRegistry.Default.Formats.Where(static format => format.CanCreate).Select(static format => format.Name);
        Assert.Empty(written.Except(s_variants.Keys));
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Convert_IntoEveryFormat_KeepsTheContent(string source)
    {
        // Every pair with one of the shapes, in turn; with all of them where the long form is asked for.
        bool isLong = Environment.GetEnvironmentVariable("CLOUDIMAGE_LONG_TESTS") == "1";
        string[] targets = [.. Variants.Select(static row => row.Data)];
        int first = Array.IndexOf(targets, source);
        for (int shapeIndex = 0; shapeIndex < s_shapes.Length; shapeIndex++)
        {
            string shape = s_shapes[shapeIndex];
            byte[] content = Content(shape);
            byte[] image = Write(new TestDisk(content), source);
            foreach (string target in targets.Where((_, index) => isLong || (first + index) % s_shapes.Length == shapeIndex))
            {
                using VirtualDisk from = Open(image, source);
                byte[] converted = Write(from, target);
                using VirtualDisk to = Open(converted, target);
                AssertContent(content, to, $"{shape}: {source} to {target}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public async Task ConvertSequentially_IntoEveryFormat_KeepsTheContent(string source)
    {
        DiskFormat format = DiskFormatRegistry.Default.Find(source.Split(' ')[0])!;
        if (!format.CanReadSequentially || (format.Name == "vmdk" && !source.EndsWith("streamOptimized", StringComparison.Ordinal)))
        {
            return;
        }

        byte[] content = Content("fragmented");
        byte[] image = Write(new TestDisk(content), source);
        foreach (string target in Variants.Select(static row => row.Data))
        {
            using SequentialDiskSource from = format.OpenSequential(new ForwardStream(image), DiskOpenOptions.Default);
            MemoryImageSink sink = new();
            DiskCreateOptions options = Options(target);
            using DiskWriter writer = options.Format.Create(sink, from.Length ?? content.Length, options);
            await DiskCopier.CopyAsync(from, writer, DiskCopyOptions.Default, null, TestContext.Current.CancellationToken);
            await writer.CompleteAsync(TestContext.Current.CancellationToken);
            using VirtualDisk to = Open(sink.ToArray(), target);
            AssertContent(content, to, $"pipe: {source} to {target}");
        }
    }

    [Theory]
    [InlineData("raw ")]
    [InlineData("vhd subformat=fixed")]
    [InlineData("vmdk subformat=streamOptimized")]
    [InlineData("qcow2 ")]
    [InlineData("ova ")]
    [InlineData("gce level=1")]
    public void ConvertIntoAPipe_FromEveryFormat_KeepsTheContent(string target)
    {
        byte[] content = Content("fragmented");
        foreach (string source in Variants.Select(static row => row.Data))
        {
            using VirtualDisk from = Open(Write(new TestDisk(content), source), source);
            using MemoryStream pipe = new();
            DiskCreateOptions options = Options(target);
            using DiskWriter writer = options.Format.Create(new StreamImageSink(new ForwardOnlyStream(pipe), false), from.Length, options);
            from.CopyTo(writer, DiskCopyOptions.Default, null);
            writer.Complete();
            using VirtualDisk to = Open(pipe.ToArray(), target);
            AssertContent(content, to, $"{source} to a pipe of {target}");
        }
    }

    [Theory]
    [InlineData("qcow2 ", 64)]
    [InlineData("vhdx subformat=dynamic", 64)]
    [InlineData("vmdk subformat=streamOptimized", 2)]
    [InlineData("vmdk subformat=monolithicSparse", 1)]
    [InlineData("vhd subformat=dynamic", 1)]
    [InlineData("gce level=1", 64)]
    [InlineData("ova ", 2)]
    public void Convert_SparseDiskOfTerabytes_CostsWhatItHolds(string target, int terabytes)
    {
        long length = terabytes * 1024 * Gigabyte;
        long[] places = [0, Gigabyte + 4096, (length / 2) + 65536, length - 4096];
        using HugeDisk source = new(length, places);
        byte[] image = Write(source, target);
        Assert.InRange(image.Length, 1, 160 << 20);
        using VirtualDisk disk = Open(image, target);
        Assert.InRange(disk.Length, length, length + Gigabyte);
        byte[] buffer = new byte[8192];
        foreach (long place in places)
        {
            int count = disk.Read(buffer, place);
            Assert.Equal(HugeDisk.Block(place), buffer[..4096]);
            Assert.False(buffer.AsSpan(4096, count - 4096).ContainsAnyExcept((byte)0));
        }

        // From there into another format of any length, and back to the same content.
        byte[] again = Write(disk, "qcow2 ");
        using VirtualDisk copy = Open(again, "qcow2 ");
        foreach (long place in places)
        {
            copy.Read(buffer.AsSpan(0, 4096), place);
            Assert.Equal(HugeDisk.Block(place), buffer[..4096]);
        }
    }

    private static DiskCreateOptions Options(string variant)
    {
        string[] parts = variant.Split(' ');
        if (parts[0] == "gce")
        {
            // Whole GiB would make every conversion one of a GiB.
            return new GceTarOptions { CompressionLevel = 1, LengthUnit = GceTarConstants.BlockSize };
        }

        Dictionary<string, string> settings = [];
        foreach (string setting in parts[1].Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            settings.Add(setting.Split('=')[0], setting.Split('=')[1]);
        }

        return DiskFormatRegistry.Default.Find(parts[0])!.ParseOptions(settings);
    }

    private static byte[] Write(VirtualDisk source, string variant)
    {
        DiskCreateOptions options = Options(variant);
        MemoryImageSink sink = new();
        using DiskWriter writer = options.Format.Create(sink, source.Length, options);
        source.CopyTo(writer, DiskCopyOptions.Default, null);
        writer.Complete();
        return sink.ToArray();
    }

    private static VirtualDisk Open(byte[] image, string variant) =>
        DiskFormatRegistry.Default.Find(variant.Split(' ')[0])!.Open(new MemoryDisk(image), DiskOpenOptions.Default);

    // Formats may round lengths up: what they add is zeros.
    private static void AssertContent(byte[] content, VirtualDisk disk, string what)
    {
        Assert.True(disk.Length >= content.Length, $"{what}: {disk.Length} bytes of {content.Length}");
        byte[] read = new byte[disk.Length];
        Assert.Equal(read.Length, disk.Read(read, 0));
        int difference = read.AsSpan().CommonPrefixLength(content);
        Assert.True(difference == content.Length, $"{what}: differs at byte {difference}");
        Assert.False(read.AsSpan(content.Length).ContainsAnyExcept((byte)0), $"{what}: the end is not zero");

        // At random places too, in small pieces.
        Random random = new(1);
        byte[] piece = new byte[10_000];
        for (int index = 0; index < 12; index++)
        {
            int offset = random.Next(content.Length);
            int count = Math.Min(disk.Read(piece.AsSpan(0, random.Next(1, piece.Length)), offset), content.Length - offset);
            Assert.True(content.AsSpan(offset, count).SequenceEqual(piece.AsSpan(0, count)), $"{what}: {count} bytes at {offset}");
        }
    }

    private static byte[] Content(string shape)
    {
        int length = shape == "odd-sized" ? (1 << 20) + (3 * 512) : 1 << 20;
        byte[] content = new byte[length];
        Random random = new(shape.Length);
        int step = shape switch { "full" => 4096, "fragmented" => 3 * 4096, _ => 70 * 4096 };
        for (int offset = 0; offset < length; offset += step)
        {
            random.NextBytes(content.AsSpan(offset, Math.Min(4096, length - offset)));
        }

        return content;
    }

    // A disk of any length that holds blocks of 4 KiB at a few places.
    private sealed class HugeDisk : VirtualDisk
    {
        private readonly long[] _places;

        public HugeDisk(long length, long[] places)
        {
            _places = places;
            Info = new DiskInfo { FormatName = "raw", VirtualSize = length };
        }

        public override DiskInfo Info { get; }

        public override long Length => Info.VirtualSize;

        public override bool IsLocal => true;

        public static byte[] Block(long place)
        {
            byte[] block = new byte[4096];
            new Random((int)(place % 1_000_003)).NextBytes(block);
            return block;
        }

        protected override ValueTask<int> ReadCoreAsync(Memory<byte> buffer, long offset, IoMode mode, System.Threading.CancellationToken cancellationToken)
        {
            buffer.Span.Clear();
            foreach (long place in _places)
            {
                long from = Math.Max(offset, place);
                long to = Math.Min(offset + buffer.Length, place + 4096);
                if (from < to)
                {
                    Block(place).AsSpan((int)(from - place), (int)(to - from)).CopyTo(buffer.Span[(int)(from - offset)..]);
                }
            }

            return ValueTask.FromResult(buffer.Length);
        }

        protected override ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, System.Threading.CancellationToken cancellationToken)
        {
            foreach (long place in _places)
            {
                if (offset >= place && offset < place + 4096)
                {
                    return ValueTask.FromResult(new DiskPlacement(offset, Math.Min(length, place + 4096 - offset), DiskExtentKind.Data));
                }

                if (offset < place)
                {
                    return ValueTask.FromResult(new DiskPlacement(offset, Math.Min(length, place - offset), DiskExtentKind.Zero));
                }
            }

            return ValueTask.FromResult(new DiskPlacement(offset, length, DiskExtentKind.Zero));
        }
    }
}
