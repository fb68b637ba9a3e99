using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Qcow2;
using CloudImage.Sdk.Formats.Raw;
using CloudImage.Sdk.Formats.Vhd;
using CloudImage.Sdk.Formats.Vhdx;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats;

/// <summary>Every format that is written, to every other: full, sparse, fragmented, odd and huge disks.</summary>
public sealed class AnyToAnyTests : IDisposable
{
    private static readonly string[] s_overlayFormats = ["qcow2", "vhd", "vhdx"];
    private readonly TempFolder _folder = new();

    public static TheoryData<string> Writable => [.. DiskFormatRegistry.Default.Formats.Where(static format => format.CanCreate).Select(static format => format.Name)];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Writable))]
    public void Convert_ToEveryOtherFormat_KeepsTheContent(string from)
    {
        foreach ((int seed, int length, int granularity) in (ReadOnlySpan<(int, int, int)>)[(1, 4 << 20, 65536), (2, (3 << 20) + 512, 4096), (3, (2 << 20) + 1536, 300_000)])
        {
            using TestDisk content = TestDisk.Random(seed, length, granularity, true);
            string first = Write("first", from, content, WriteDurability.None);
            using VirtualDisk source = DiskImage.Open(first, Named(from));
            AssertSame(content, source, from);
            foreach (string to in Writable.Select(static row => row.Data))
            {
                string second = Write("second", to, source, WriteDurability.None);
                using VirtualDisk copy = DiskImage.Open(second, Named(to));
                AssertSame(content, copy, $"{from} to {to}, seed {seed}");
            }
        }
    }

    [Theory]
    [InlineData("qcow2")]
    [InlineData("vhdx")]
    [InlineData("raw")]
    public void Convert_OfAHugeSparseDisk_CostsLittle(string format)
    {
        // 8 TiB: what ext4 still holds as a sparse raw file.
        long length = 8L << 40;
        string path = _folder.File("huge.raw");
        using (FileStream file = File.Create(path))
        {
            file.SetLength(length);
            foreach (long place in (ReadOnlySpan<long>)[0, 1L << 40, length - 4096])
            {
                file.Position = place;
                file.Write(Enumerable.Repeat((byte)5, 4096).ToArray());
            }
        }

        using FileDisk source = FileDisk.Open(path);
        string copy = Write("huge", format, source, WriteDurability.None);
        using VirtualDisk disk = DiskImage.Open(copy, Named(format));
        Assert.Equal(length, disk.Length);
        Assert.True(DiskComparer.Compare(source, disk, DiskCompareOptions.Default, null).AreEqual);
    }

    [Theory]
    [InlineData("qcow2")]
    [InlineData("vhd")]
    [InlineData("vhdx")]
    public void Overlay_OfTheDifference_ReadsAsTheChangedDisk_AndFlattens(string format)
    {
        using TestDisk before = TestDisk.Random(5, 6 << 20, 65536, true);
        byte[] changed = before.ToArray();
        new Random(6).NextBytes(changed.AsSpan(1 << 20, 70_000));
        changed.AsSpan(3 << 20, 200_000).Clear();
        using TestDisk after = new(changed);
        string basePath = Write("base", format, before, WriteDurability.None);
        string overlayPath = _folder.File("overlay");
        using (VirtualDisk parent = DiskImage.Open(basePath, Named(format)))
        using (DiskWriter writer = DiskImage.Create(overlayPath, after.Length, Overlay(format, "base", parent), WriteDurability.None))
        {
            after.CopyTo(writer, new DiskCopyOptions { Parent = parent }, null);
            writer.Complete();
        }

        DiskOpenOptions chain = new() { Format = DiskFormatRegistry.Default.Find(format), References = new DirectoryReferenceResolver(_folder.Path) };
        using VirtualDisk disk = DiskImage.Open(overlayPath, chain);
        Assert.True(DiskComparer.Compare(after, disk, DiskCompareOptions.Default, null).AreEqual);

        string flat = Write("flat", format, disk, WriteDurability.None);
        using VirtualDisk flattened = DiskImage.Open(flat, Named(format));
        Assert.Empty(flattened.Info.References);
        Assert.True(DiskComparer.Compare(after, flattened, DiskCompareOptions.Default, null).AreEqual);

        using VirtualDisk alone = DiskImage.Open(overlayPath, Named(format));
        Assert.True(BlockMap.Of(alone).DataLength < 3 << 20, $"The overlay holds {BlockMap.Of(alone).DataLength} bytes.");
        using ModelWriter sink = new((int)alone.Length, 65536, false, false);
        Assert.Throws<DiskReferenceException>(() => alone.CopyTo(sink, DiskCopyOptions.Default, null));
    }

    [Theory]
    [InlineData("raw")]
    [InlineData("qcow2")]
    [InlineData("vmdk")]
    public async Task Convert_CancelledOnTheWay_LeavesNothing(string format)
    {
        using TestDisk source = TestDisk.Random(9, 8 << 20, 65536, true);
        using System.Threading.CancellationTokenSource stop = new();
        source.OnRead = offset =>
        {
            if (offset > 4 << 20)
            {
                stop.Cancel();
            }
        };
        await using (DiskWriter writer = DiskImage.Create(_folder.File("never"), source.Length, Options(format)))
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => source.CopyToAsync(writer, DiskCopyOptions.Default, null, stop.Token));
        }

        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    private static DiskCreateOptions Options(string format) =>
        DiskFormatRegistry.Default.Find(format)!.ParseOptions(new Dictionary<string, string>());

    private static DiskOpenOptions Named(string format) => new() { Format = DiskFormatRegistry.Default.Find(format) };

    private static DiskCreateOptions Overlay(string format, string name, VirtualDisk parent)
    {
        Assert.Contains(format, s_overlayFormats);
        DiskReference reference = new(DiskReferenceKind.Parent, name) { FormatName = format, LinkageId = parent.Info.LinkageId };
        return format switch
        {
            "qcow2" => new Qcow2Options { Parent = reference },
            "vhd" => new VhdOptions { Parent = reference },
            _ => new VhdxOptions { Parent = reference },
        };
    }

    private static void AssertSame(VirtualDisk expected, VirtualDisk actual, string what)
    {
        DiskComparison comparison = DiskComparer.Compare(expected, actual, DiskCompareOptions.Default, null);
        Assert.True(comparison.AreEqual, $"{what}: differs at {comparison.FirstDifference}.");
        Random random = new(4);
        byte[] left = new byte[20_000];
        byte[] right = new byte[20_000];
        for (int round = 0; round < 20; round++)
        {
            long offset = random.NextInt64(expected.Length);
            int count = expected.Read(left, offset);
            Assert.True(actual.Read(right, offset) >= count, what);
            Assert.True(left.AsSpan(0, count).SequenceEqual(right.AsSpan(0, count)), $"{what}: differs behind {offset}.");
        }
    }

    private string Write(string name, string format, VirtualDisk source, WriteDurability durability)
    {
        string path = _folder.File(name);
        using DiskWriter writer = DiskImage.Create(path, source.Length, Options(format), durability);
        source.CopyTo(writer, DiskCopyOptions.Default, null);
        writer.Complete();
        return path;
    }
}
