using System;
using System.Buffers.Binary;
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

/// <summary>The check, against the verdict of qemu-img check: 0 clean, 2 corrupt, 3 leaking.</summary>
public sealed class Qcow2CheckTests
{
    [Theory]
    [InlineData("cluster_size=4k", true)]
    [InlineData("cluster_size=512,refcount_bits=8", true)]
    [InlineData("compat=0.10", true)]
    [InlineData("extended_l2=on,cluster_size=16k,compression_type=zstd", true)]
    [InlineData("refcount_bits=1", false)]
    [InlineData("refcount_bits=64,lazy_refcounts=on", true)]
    [InlineData("data_file=data", false)]
    public void Check_OfGoodImages_IsClean(string options, bool hasSnapshot)
    {
        QemuTool.Require();
        using TestFolder folder = new();
        MakeImage(folder, options, hasSnapshot);
        Assert.Equal(0, Verdict(folder["image"], out DiskCheckResult? result));
        Assert.True(result!.IsClean);
        Assert.Equal(0, TheirVerdict(folder["image"]));
    }

    [Theory]
    [InlineData("cluster_size=4k", 1)]
    [InlineData("cluster_size=512", 2)]
    [InlineData("cluster_size=16k,extended_l2=on", 3)]
    [InlineData("compat=0.10,cluster_size=1k", 4)]
    public async Task Check_OfDamagedImages_AgreesWithQemu(string options, int seed)
    {
        QemuTool.Require();
        using TestFolder folder = new();
        MakeImage(folder, options, true);
        byte[] good = File.ReadAllBytes(folder["image"]);
        using MemoryDisk disk = new(good);
        Qcow2Header header = await Qcow2Header.ReadAsync(disk, DiskReadLimits.Untrusted, IoMode.Synchronous, TestContext.Current.CancellationToken);
        List<long> places = MetadataWords(good, header);
        Random random = new(seed);
        int agreements = 0;
        for (int number = 0; number < 40; number++)
        {
            byte[] bad = [.. good];
            long place = places[random.Next(places.Count)];
            string change = Damage(bad, (int)place, random, header);
            File.WriteAllBytes(folder["image"], bad);
            int ours = Verdict(folder["image"], out DiskCheckResult? result);
            int theirs = TheirVerdict(folder["image"]);

            // 1: it could not be checked at all, because the header or a list is beyond reading.
            if (ours == theirs)
            {
                agreements++;
                continue;
            }

            bool isStricter = result is not null && ours == 2 && result.Problems.Any(static problem =>
                problem.Message.Contains("in use already", StringComparison.Ordinal) || problem.Message.Contains("reserved", StringComparison.Ordinal));
            Assert.True(isStricter || ours == 1 || theirs == 1, $"{change} (seed {seed}, number {number}): ours {ours}, theirs {theirs}. {string.Join(Environment.NewLine, result?.Problems ?? [])}");
        }

        Assert.True(agreements >= 34, $"Only {agreements} of 40 verdicts agree.");
    }

    [Fact]
    public void Check_OfALeak_NamesTheCluster()
    {
        byte[] image = Qcow2DiskConformanceTests.Write(MixedContent.Make(100_000, 2), new Qcow2Options());
        int unused = image.Length / 65536;
        long table = BinaryPrimitives.ReadInt64BigEndian(image.AsSpan(48));
        long block = BinaryPrimitives.ReadInt64BigEndian(image.AsSpan((int)table));
        BinaryPrimitives.WriteUInt16BigEndian(image.AsSpan((int)block + (2 * unused)), 1);
        Array.Resize(ref image, image.Length + 65536);
        using MemoryDisk disk = new(image);
        DiskCheckResult result = Qcow2Format.Instance.Check(disk, DiskOpenOptions.Default);
        DiskProblem problem = Assert.Single(result.Problems);
        Assert.Equal((DiskProblemKind.Leak, unused * 65536L), (problem.Kind, problem.FileOffset));
        Assert.True(result.IsConsistent && !result.IsClean);
    }

    [Fact]
    public void Check_OfAClusterOverTheHeader_IsCorruption()
    {
        byte[] image = Qcow2DiskConformanceTests.Write(MixedContent.Make(100_000, 2), new Qcow2Options());
        long l1 = BinaryPrimitives.ReadInt64BigEndian(image.AsSpan(40));
        long l2 = BinaryPrimitives.ReadInt64BigEndian(image.AsSpan((int)l1)) & 0x00FFFFFFFFFFFE00;
        BinaryPrimitives.WriteUInt64BigEndian(image.AsSpan((int)l2), (ulong)l1 | (1UL << 63));
        using MemoryDisk disk = new(image);
        DiskCheckResult result = Qcow2Format.Instance.Check(disk, DiskOpenOptions.Default);
        Assert.Contains(result.Problems, static problem => problem.Kind == DiskProblemKind.Corruption && problem.Message.Contains("in use already", StringComparison.Ordinal));
    }

    private static void MakeImage(TestFolder folder, string options, bool hasSnapshot)
    {
        QemuTool.Img("create", "-q", "-f", "qcow2", "-o", options, folder["image"], "1000448");
        QemuTool.Io(folder["image"], "qcow2", Qcow2ReadTests.Churn(3, 1_000_448, hasSnapshot));
        if (hasSnapshot)
        {
            QemuTool.Img("snapshot", "-c", "one", folder["image"]);
            QemuTool.Io(folder["image"], "qcow2", Qcow2ReadTests.Churn(4, 1_000_448, true));
            if (!options.Contains("0.10", StringComparison.Ordinal))
            {
                QemuTool.Img("bitmap", "--add", "-g", "4k", folder["image"], "changes");
                QemuTool.Io(folder["image"], "qcow2", "write -P 9 5k 40k");
            }
        }
    }

    private static int Verdict(string path, out DiskCheckResult? result)
    {
        try
        {
            using FileDisk container = FileDisk.Open(path);
            result = Qcow2Format.Instance.Check(container, DiskOpenOptions.Default);
            return !result.IsConsistent ? 2 : result.Problems.Any(static problem => problem.Kind == DiskProblemKind.Leak) ? 3 : 0;
        }
        catch (DiskFormatException)
        {
            result = null;
            return 1;
        }
    }

    private static int TheirVerdict(string path) => QemuTool.TryImg("check", "-f", "qcow2", path).ExitCode;

    // The places of all words of the tables that hold something.
    private static List<long> MetadataWords(byte[] image, Qcow2Header header)
    {
        List<long> places = [];
        AddTable(header.L1Offset, header.L1Entries * 8, true);
        AddTable(header.RefcountTableOffset, header.ClusterSize, true);
        return places;

        void AddTable(long table, int length, bool descends)
        {
            for (long place = table; place < table + length && place + 8 <= image.Length; place += 8)
            {
                ulong word = BinaryPrimitives.ReadUInt64BigEndian(image.AsSpan((int)place));
                if (word == 0)
                {
                    continue;
                }

                places.Add(place);
                if (descends)
                {
                    AddTable((long)(word & 0x00FFFFFFFFFFFE00), header.ClusterSize, false);
                }
            }
        }
    }

    private static string Damage(byte[] image, int place, Random random, Qcow2Header header)
    {
        Span<byte> word = image.AsSpan(place, 8);
        ulong before = BinaryPrimitives.ReadUInt64BigEndian(word);
        ulong after = random.Next(6) switch
        {
            0 => before ^ (1UL << 63),
            1 => 0,
            2 => before ^ (1UL << random.Next(64)),
            3 => before + (ulong)header.ClusterSize,
            4 => (before & (1UL << 63)) | ((ulong)random.Next(image.Length) & ~(ulong)(header.ClusterSize - 1)),
            _ => before ^ 1,
        };
        BinaryPrimitives.WriteUInt64BigEndian(word, after);
        return $"the word at 0x{place:x} from 0x{before:x16} to 0x{after:x16}";
    }
}
