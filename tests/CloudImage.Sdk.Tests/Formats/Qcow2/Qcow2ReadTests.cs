using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Qcow2;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Qcow2;

/// <summary>Images made by qemu-img and qemu-io, read here: content, reads at a grid of places, and the map.</summary>
public sealed class Qcow2ReadTests
{
    public static TheoryData<string, long> Variants => new()
    {
        { "cluster_size=512", 200_000 },
        { "cluster_size=4k", 3_000_000 },
        { "cluster_size=64k", 9_000_448 },
        { "cluster_size=1M", 9_000_448 },
        { "cluster_size=2M", 33_554_432 },
        { "compat=0.10", 5_000_192 },
        { "compat=0.10,cluster_size=512", 100_352 },
        { "compat=1.1,lazy_refcounts=on", 5_000_192 },
        { "compression_type=zstd", 5_000_192 },
        { "compression_type=zstd,cluster_size=4k", 1_000_448 },
        { "refcount_bits=1", 3_000_320 },
        { "refcount_bits=64", 3_000_320 },
        { "extended_l2=on", 9_000_448 },
        { "extended_l2=on,cluster_size=16k", 2_000_384 },
        { "extended_l2=on,cluster_size=2M,compression_type=zstd", 20_000_256 },
        { "preallocation=metadata", 3_000_320 },
        { "data_file=DATA", 3_000_320 },
        { "data_file=DATA,data_file_raw=on,extended_l2=on", 3_000_320 },
    };

    [Theory]
    [MemberData(nameof(Variants))]
    public async Task Read_MadeByQemu_EqualsItsContent(string variant, long size)
    {
        QemuTool.Require();
        using TestFolder folder = new();
        bool hasDataFile = variant.Contains("DATA", StringComparison.Ordinal);
        QemuTool.Img("create", "-q", "-f", "qcow2", "-o", variant.Replace("DATA", "data", StringComparison.Ordinal), folder["image"], $"{size}");
        QemuTool.Io(folder["image"], "qcow2", Churn(17, size, !hasDataFile && !variant.Contains("refcount_bits=1", StringComparison.Ordinal)));
        await AssertReads(folder, "image", 17);
    }

    [Theory]
    [InlineData("zlib", "64k")]
    [InlineData("zlib", "512")]
    [InlineData("zlib", "2M")]
    [InlineData("zstd", "64k")]
    [InlineData("zstd", "4k")]
    public async Task Read_CompressedByConvert_EqualsItsContent(string type, string clusterSize)
    {
        QemuTool.Require();
        using TestFolder folder = new();
        File.WriteAllBytes(folder["raw"], MixedContent.Make(3_000_001, 5));
        QemuTool.Img("convert", "-q", "-c", "-f", "raw", "-O", "qcow2", "-o", $"compression_type={type},cluster_size={clusterSize}", folder["raw"], folder["image"]);
        await AssertReads(folder, "image", 23);
    }

    [Fact]
    public async Task Read_ChainFourDeep_ShowsEveryLayer()
    {
        QemuTool.Require();
        using TestFolder folder = new();
        File.WriteAllBytes(folder["base.raw"], MixedContent.Make(2_500_096, 3));
        (string Name, string Parent, string ParentFormat, long Size)[] layers =
        [
            ("one", "base.raw", "raw", 4_000_256),
            ("two", "one", "qcow2", 2_000_384),
            ("three", "two", "qcow2", 6_000_128),
        ];
        foreach ((string name, string parent, string format, long size) in layers)
        {
            QemuTool.Img("create", "-q", "-f", "qcow2", "-b", parent, "-F", format, "-o", $"cluster_size={(name == "two" ? "4k" : "64k")},extended_l2={(name == "three" ? "on" : "off")}", folder[name], $"{size}");
            QemuTool.Io(folder[name], "qcow2", Churn(name.Length, size, true).Take(12));
        }

        await AssertReads(folder, "three", 29);
    }

    [Fact]
    public async Task Open_InternalSnapshot_ReadsItsContent()
    {
        QemuTool.Require();
        using TestFolder folder = new();
        QemuTool.Img("create", "-q", "-f", "qcow2", folder["image"], "3000320");
        List<byte[]> contents = [];
        foreach (string name in (string[])["first", "second"])
        {
            QemuTool.Io(folder["image"], "qcow2", Churn(name.Length, 3_000_320, true));
            QemuTool.Img("snapshot", "-c", name, folder["image"]);
            QemuTool.Img("convert", "-q", "-f", "qcow2", "-O", "raw", folder["image"], folder["raw"]);
            contents.Add(File.ReadAllBytes(folder["raw"]));
        }

        QemuTool.Img("resize", "-q", folder["image"], "5000192");
        QemuTool.Io(folder["image"], "qcow2", Churn(77, 5_000_192, true));
        await AssertReads(folder, "image", 3);
        for (int index = 0; index < contents.Count; index++)
        {
            foreach (string name in (string[])[index == 0 ? "first" : "second", $"{index + 1}"])
            {
                using VirtualDisk disk = DiskImage.Open(folder["image"], new DiskOpenOptions { InternalSnapshot = name });
                Assert.Equal(contents[index], ReadAll(disk));
                Assert.Equal(["first", "second"], disk.Info.Snapshots.Select(static snapshot => snapshot.Name));
            }
        }

        DiskFormatException exception = Assert.Throws<DiskFormatException>(() => DiskImage.Open(folder["image"], new DiskOpenOptions { InternalSnapshot = "third" }));
        Assert.Contains("first", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_BackingFileWithoutResolver_IsReportedAndNotRead()
    {
        QemuTool.Require();
        using TestFolder folder = new();
        QemuTool.Img("create", "-q", "-f", "qcow2", "-u", "-b", "/etc/passwd", "-F", "raw", folder["image"], "1M");
        using VirtualDisk disk = DiskImage.Open(folder["image"]);
        Assert.Equal("/etc/passwd", disk.Info.References[0].Name);
        Assert.Equal("raw", disk.Info.References[0].FormatName);
        Assert.Throws<DiskReferenceException>(() => disk.Read(new byte[512], 0));
        using VirtualDisk zeros = DiskImage.Open(folder["image"], new DiskOpenOptions { IgnoreMissingParent = true });
        Assert.Equal(new byte[512], ReadAll(zeros)[..512]);
    }

    [Fact]
    public void Read_Bitmap_NamesWhatWasWritten()
    {
        QemuTool.Require();
        using TestFolder folder = new();
        QemuTool.Img("create", "-q", "-f", "qcow2", folder["image"], "20000256");
        QemuTool.Img("bitmap", "--add", "-g", "32k", folder["image"], "changes");
        QemuTool.Io(folder["image"], "qcow2", "write -P 1 100k 10k", "write -P 2 6M 100k", "write -P 3 19999744 512");
        using FileDisk container = FileDisk.Open(folder["image"]);
        BlockMap map = Qcow2Bitmaps.Read(container, "changes", DiskReadLimits.Untrusted);
        Assert.Equal(
            [new DiskExtent(98304, 32768, DiskExtentKind.Data), new DiskExtent(6 << 20, 131072, DiskExtentKind.Data), new DiskExtent(19988480, 20000256 - 19988480, DiskExtentKind.Data)],
            map);
        using VirtualDisk disk = DiskImage.Open(folder["image"]);
        DiskBitmapInfo info = Assert.Single(disk.Info.Bitmaps);
        Assert.Equal(("changes", 32768L, true, false), (info.Name, info.Granularity, info.IsEnabled, info.IsInconsistent));
        Assert.Throws<DiskFormatException>(() => Qcow2Bitmaps.Read(container, "none", DiskReadLimits.Untrusted));
    }

    [Theory]
    [InlineData("luks", "")]
    [InlineData("luks", ",encrypt.cipher-alg=aes-128,encrypt.hash-alg=sha512")]
    [InlineData("luks", ",encrypt.cipher-mode=cbc,encrypt.ivgen-alg=essiv,encrypt.ivgen-hash-alg=sha256")]
    [InlineData("luks", ",encrypt.cipher-mode=cbc,encrypt.ivgen-alg=plain64,encrypt.hash-alg=sha1")]
    [InlineData("aes", "")]
    public void Open_Encrypted_NeedsThePassphrase(string format, string options)
    {
        QemuTool.Require();
        using TestFolder folder = new();
        byte[] content = MixedContent.Make(1_000_448, 9);
        File.WriteAllBytes(folder["raw"], content);
        string time = format == "luks" ? ",encrypt.iter-time=60" : string.Empty;
        string[] command = ["convert", "-q", "--object", "secret,id=key,data=correct", "-f", "raw", "-O", "qcow2", "-o", $"encrypt.format={format},encrypt.key-secret=key{time}{options}", folder["raw"], folder["image"]];

        // It measures the machine to choose the rounds of key derivation, and gives up on a busy one.
        for (int attempt = 0; attempt < 20 && QemuTool.TryImg(command).ExitCode != 0; attempt++)
        {
        }

        UnsupportedDiskFeatureException refusal = Assert.Throws<UnsupportedDiskFeatureException>(() => DiskImage.Open(folder["image"]));
        Assert.Equal($"{format}-encryption", refusal.Feature);
        DiskInspection inspection = DiskImage.Inspect(folder["image"], DiskOpenOptions.Default);
        Assert.True(inspection.Info?.IsEncrypted);
        Assert.Contains(inspection.Concerns, static concern => concern.Code == "encrypted");
        using VirtualDisk disk = DiskImage.Open(folder["image"], new DiskOpenOptions { Passphrase = "correct" });
        Assert.True(disk.Info.IsEncrypted);
        Assert.Equal(content, ReadAll(disk)[..content.Length]);
        byte[] part = new byte[1000];
        disk.Read(part, 99_777);
        Assert.Equal(content[99_777..100_777], part);
        if (format == "luks")
        {
            Assert.Throws<DiskFormatException>(() => DiskImage.Open(folder["image"], new DiskOpenOptions { Passphrase = "wrong" }));
        }
    }

    [Theory]
    [InlineData("qcow", "")]
    [InlineData("qcow", "-c")]
    public async Task Read_Version1_EqualsItsContent(string format, string compress)
    {
        QemuTool.Require();
        using TestFolder folder = new();
        File.WriteAllBytes(folder["raw"], MixedContent.Make(3_002_368, 4));
        // This program ends with 1 after it has written a whole compressed image; it is still the one that tells what is in it.
        _ = QemuTool.TryImg(["convert", "-q", .. compress.Length > 0 ? (string[])[compress] : [], "-f", "raw", "-O", format, folder["raw"], folder["image"]]);
        using (VirtualDisk disk = DiskImage.Open(folder["image"]))
        {
            Assert.Equal("qcow", disk.Info.FormatName);
        }

        await AssertReads(folder, "image", 31);
    }

    /// <summary>Commands that write, compress, zero and discard all over the disk.</summary>
    internal static IEnumerable<string> Churn(int seed, long size, bool compresses)
    {
        Random random = new(seed);
        for (int step = 0; step < 24; step++)
        {
            long offset = random.NextInt64(size / 512) * 512;
            long length = Math.Min(size / 512 * 512 - offset, (random.Next(4) == 0 ? random.Next(1, 2000) : random.Next(1, 150)) * 512L);
            yield return (step % 6) switch
            {
                _ when compresses && step < 4 => $"write -c -P {step + 1} {offset & -2097152} {Math.Min(1 << 20, (size & -512) - (offset & -2097152))}",
                3 => $"write -z {offset} {length}",
                4 => $"discard {offset} {length}",
                _ => $"write -P {step + 1} {offset} {length}",
            };
        }
    }

    internal static byte[] ReadAll(VirtualDisk disk)
    {
        byte[] content = new byte[disk.Length];
        Assert.Equal(content.Length, disk.Read(content, 0));
        return content;
    }

    private static async Task AssertReads(TestFolder folder, string name, int seed)
    {
        (int code, string text) = QemuTool.TryImg("info", "--output=json", folder[name]);
        Assert.True(code == 0, text);
        string format = JsonDocument.Parse(text).RootElement.GetProperty("format").GetString()!;
        QemuTool.Img("convert", "-q", "-f", format, "-O", "raw", folder[name], folder["expected"]);
        byte[] expected = File.ReadAllBytes(folder["expected"]);
        using VirtualDisk disk = DiskImage.Open(folder[name], new DiskOpenOptions { References = folder });
        Assert.Equal(expected.Length, disk.Length);
        Assert.Equal(expected, ReadAll(disk));
        byte[] asynchronous = new byte[expected.Length];
        await disk.ReadAsync(asynchronous, 0, TestContext.Current.CancellationToken);
        Assert.Equal(expected, asynchronous);
        using (Stream stream = disk.AsStream())
        using (MemoryStream copy = new())
        {
            await stream.CopyToAsync(copy, 7001, TestContext.Current.CancellationToken);
            Assert.Equal(expected, copy.ToArray());
        }

        Random random = new(seed);
        for (int index = 0; index < 400; index++)
        {
            int offset = random.Next(expected.Length);
            int length = Math.Min(expected.Length - offset, index % 3 == 0 ? random.Next(1, 300_000) : random.Next(1, 5000));
            byte[] part = new byte[length];
            Assert.Equal(length, disk.Read(part, offset));
            Assert.True(expected.AsSpan(offset, length).SequenceEqual(part), $"{length} bytes at {offset} differ (seed {seed}).");
        }

        if (format == "qcow2")
        {
            AssertMap(folder[name], disk);
        }
    }

    /// <summary>Our placements against qemu-img map: the same data in the same layer at the same place.</summary>
    private static void AssertMap(string path, VirtualDisk disk)
    {
        using JsonDocument map = JsonDocument.Parse(QemuTool.Img("map", "--output=json", "-f", "qcow2", path));
        List<(long Start, long Length, int Depth, long Offset)> expected = [];
        foreach (JsonElement entry in map.RootElement.EnumerateArray())
        {
            if (entry.GetProperty("data").GetBoolean())
            {
                Join(expected, entry.GetProperty("start").GetInt64(), entry.GetProperty("length").GetInt64(), entry.GetProperty("depth").GetInt32(),
                    entry.TryGetProperty("offset", out JsonElement offset) ? offset.GetInt64() : -1);
            }
        }

        List<(long Start, long Length, int Depth, long Offset)> actual = [];
        long position = 0;
        foreach (DiskPlacement placement in disk.GetPlacements(0, disk.Length))
        {
            Assert.Equal(position, placement.Offset);
            position = placement.End;
            if (placement.Kind == DiskExtentKind.Data)
            {
                Join(actual, placement.Offset, placement.Length, placement.Depth, placement.ContainerOffset);
            }
        }

        Assert.Equal(disk.Length, position);
        Assert.Equal(expected, actual);
    }

    private static void Join(List<(long Start, long Length, int Depth, long Offset)> list, long start, long length, int depth, long offset)
    {
        if (list.Count > 0)
        {
            (long lastStart, long lastLength, int lastDepth, long lastOffset) = list[^1];
            if (lastStart + lastLength == start && lastDepth == depth && (lastOffset < 0 ? offset < 0 : offset == lastOffset + lastLength))
            {
                list[^1] = (lastStart, lastLength + length, lastDepth, lastOffset);
                return;
            }
        }

        list.Add((start, length, depth, offset));
    }
}
