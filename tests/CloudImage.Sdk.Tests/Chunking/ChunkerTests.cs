using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using CloudImage.Sdk.Chunking;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Tests.Hashing;
using Xunit;

namespace CloudImage.Sdk.Tests.Chunking;

public sealed class ChunkerTests
{
    public static TheoryData<string> Rules =>
    [
        ChunkingOptions.CreateFixed(64 * 1024).ToString(),
        ChunkingOptions.CreateMinCdc(4096).ToString(),
        ChunkingOptions.CreateMinCdc(64 * 1024).ToString(),
    ];

    [Theory]
    [MemberData(nameof(Rules))]
    public void TryCut_AllData_CoversItInOrderWithinTheSizes(string rule)
    {
        ChunkingOptions options = ChunkingOptions.Parse(rule);
        foreach ((string name, byte[] data) in ChunkingData.All)
        {
            List<ChunkCut> cuts = ChunkingData.CutAll(Chunker.Create(options), data, null);
            Assert.Equal(data.Length, cuts.Sum(cut => cut.Length));
            int offset = 0;
            for (int i = 0; i < cuts.Count; i++)
            {
                ReadOnlySpan<byte> chunk = data.AsSpan(offset, cuts[i].Length);
                bool isZero = ZeroDetector.IsZero(chunk);
                Assert.True(!cuts[i].IsZero || isZero, $"{name}, chunk {i} is not zero.");
                offset += cuts[i].Length;
                if (cuts[i].IsZero)
                {
                    continue;
                }

                Assert.True(cuts[i].Length <= options.MaxSize, $"{name}, chunk {i} is too long.");
                bool mayBeShort = offset == data.Length || cuts[i + 1].IsZero;
                Assert.True(mayBeShort || cuts[i].Length >= options.MinSize, $"{name}, chunk {i} is too short.");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Rules))]
    public void TryCut_BufferSplitAnywhere_CutsTheSame(string rule)
    {
        Chunker chunker = Chunker.Create(ChunkingOptions.Parse(rule));
        Random random = new(17);
        foreach ((string name, byte[] data) in ChunkingData.All)
        {
            List<ChunkCut> expected = ChunkingData.CutAll(chunker, data, null);
            foreach (int most in (int[])[100_000, 5000])
            {
                Assert.True(
                    expected.SequenceEqual(ChunkingData.CutAll(chunker, data, () => random.Next(1, most))),
                    $"{name} in windows that grow by up to {most} bytes.");
            }
        }
    }

    [Fact]
    public void TryCut_SmallSampleSplitAtEveryPosition_CutsTheSame()
    {
        byte[] data = ChunkingData.Random(6, 3000);
        data.AsSpan(1000, 300).Clear();
        MinCdcChunker chunker = new(new ChunkingOptions { Algorithm = ChunkingAlgorithm.MinCdc, MinSize = 64, MaxSize = 200 });
        List<ChunkCut> expected = ChunkingData.CutAll(chunker, data, null);
        for (int split = 1; split < data.Length; split++)
        {
            int call = 0;
            Assert.Equal(expected, ChunkingData.CutAll(chunker, data, () => call++ == 0 ? split : data.Length));
        }
    }

    [Fact]
    public void TryCut_GoldenLists_AreUnchanged()
    {
        // Digests of the cut lists: a change here would make stored data meet with nothing that is cut from now on.
        StringBuilder lists = new();
        foreach (string rule in Rules.Select(row => row.Data))
        {
            foreach ((string name, byte[] data) in ChunkingData.All)
            {
                List<ChunkCut> cuts = ChunkingData.CutAll(Chunker.Create(ChunkingOptions.Parse(rule)), data, null);
                string text = string.Join('\n', cuts);
                lists.Append(CultureInfo.InvariantCulture, $"{rule} {name} {cuts.Count} ")
                    .Append(Blake3.HashData(Encoding.ASCII.GetBytes(text)).ToString()[..16]).Append('\n');
            }
        }

        if (Environment.GetEnvironmentVariable("CLOUDIMAGE_WRITE_GOLDEN") is string path)
        {
            System.IO.File.WriteAllText(path, lists.ToString());
            return;
        }

        using System.IO.Stream stream = typeof(ChunkerTests).Assembly
            .GetManifestResourceStream("CloudImage.Sdk.Tests.Chunking.golden-cuts.txt")!;
        using System.IO.StreamReader reader = new(stream);
        Assert.Equal(reader.ReadToEnd(), lists.ToString());
    }

    [Fact]
    public void MinCdc_EveryKernel_FindsWhatTheDefinitionFinds()
    {
        Random random = new(23);
        List<byte[]> samples = [.. ChunkingData.All.Values.Where(data => data.Length > 300_000)];
        for (int round = 0; round < 3000; round++)
        {
            byte[] data = samples[random.Next(samples.Count)];
            int length = random.Next(10) == 0 ? random.Next(4, 5000) : random.Next(4, 400);
            ReadOnlySpan<byte> window = data.AsSpan(random.Next(data.Length - length), length);
            uint multiplier = (uint)random.NextInt64(1L << 32) | 1;
            uint addend = (uint)random.NextInt64(1L << 32);
            int expected = MinCdcSearch.IndexOfMinScalar(window, multiplier, addend);
            for (MinCdcKernel kernel = 0; kernel <= MinCdcSearch.BestKernel; kernel++)
            {
                Assert.Equal(expected, MinCdcSearch.IndexOfMin(window, multiplier, addend, kernel));
            }
        }
    }

    [Fact]
    public void MinCdc_OneLowWindowAtEveryPosition_IsFoundByEveryKernel()
    {
        // With factor 1 and addend 0 the score is the number itself: 0xFFFFFFFF everywhere but at one place.
        byte[] data = new byte[400];
        foreach (byte low in (byte[])[0x7F, 0xFE, 0x00])
        {
            for (int at = 0; at < data.Length; at++)
            {
                data.AsSpan().Fill(0xFF);
                data[at] = low;
                int expected = MinCdcSearch.IndexOfMinScalar(data, 1, 0);
                for (MinCdcKernel kernel = 0; kernel <= MinCdcSearch.BestKernel; kernel++)
                {
                    Assert.Equal(expected, MinCdcSearch.IndexOfMin(data, 1, 0, kernel));
                }
            }
        }
    }

    [Fact]
    public void MinCdc_BetweenGuardPages_ReadsNothingOutside()
    {
        for (int length = 4; length < 400; length++)
        {
            using GuardedMemory memory = new(length);
            Span<byte> before = memory.BeforeGuard(length);
            new Random(length).NextBytes(before);
            byte[] copy = before.ToArray();
            copy.CopyTo(memory.AfterGuard(length));
            int expected = MinCdcSearch.IndexOfMinScalar(copy, 0x915F77F5, 5);
            before = memory.BeforeGuard(length);
            for (MinCdcKernel kernel = 0; kernel <= MinCdcSearch.BestKernel; kernel++)
            {
                Assert.Equal(
                    MinCdcSearch.IndexOfMinScalar(before, 0x915F77F5, 5),
                    MinCdcSearch.IndexOfMin(before, 0x915F77F5, 5, kernel));
                Assert.Equal(expected, MinCdcSearch.IndexOfMin(memory.AfterGuard(length), 0x915F77F5, 5, kernel));
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    [InlineData(-777)]
    public void MinCdc_BytesInsertedOrRemoved_CutsMeetAgain(int shift)
    {
        byte[] data = ChunkingData.Random(31, 6_000_000);
        byte[] changed = shift > 0
            ? [.. data.AsSpan(0, 1_000_000), .. ChunkingData.Random(32, shift), .. data.AsSpan(1_000_000)]
            : [.. data.AsSpan(0, 1_000_000), .. data.AsSpan(1_000_000 - shift)];
        MinCdcChunker chunker = new(ChunkingOptions.CreateMinCdc(16 * 1024));
        HashSet<ContentDigest> known = [.. Digests(chunker, data)];
        List<ContentDigest> after = Digests(chunker, changed);
        int survived = after.Count(known.Contains);
        Assert.True(survived >= after.Count * 0.97, $"{survived} of {after.Count} chunks are the same.");
    }

    [Fact]
    public void Options_Text_GivesTheSameOptionsBack()
    {
        foreach (string rule in Rules.Select(row => row.Data))
        {
            Assert.Equal(rule, ChunkingOptions.Parse(rule).ToString());
        }

        Assert.Throws<FormatException>(() => ChunkingOptions.Parse("mincdc4-2:1:2:3:4"));
        Assert.Throws<FormatException>(() => ChunkingOptions.Parse("fixed-1:-5"));
        Assert.Throws<FormatException>(() => ChunkingOptions.Parse(""));
    }

    [Fact]
    public void Create_ImpossibleOptions_Throws()
    {
        Assert.Throws<ArgumentException>(() => Chunker.Create(ChunkingOptions.CreateFixed(511)));
        Assert.Throws<ArgumentException>(() => Chunker.Create(ChunkingOptions.CreateFixed(int.MaxValue)));
        Assert.Throws<ArgumentException>(() => Chunker.Create(ChunkingOptions.CreateMinCdc(64)));
        Assert.Throws<ArgumentException>(
            () => Chunker.Create(new ChunkingOptions { Algorithm = ChunkingAlgorithm.MinCdc, MinSize = 64, MaxSize = 128, Multiplier = 2 }));
        Assert.Throws<ArgumentException>(() => Chunker.Create(new ChunkingOptions { Algorithm = (ChunkingAlgorithm)9 }));
    }

    private static List<ContentDigest> Digests(Chunker chunker, byte[] data)
    {
        List<ContentDigest> digests = [];
        int offset = 0;
        foreach (ChunkCut cut in ChunkingData.CutAll(chunker, data, null))
        {
            digests.Add(Blake3.HashData(data.AsSpan(offset, cut.Length)));
            offset += cut.Length;
        }

        return digests;
    }
}
