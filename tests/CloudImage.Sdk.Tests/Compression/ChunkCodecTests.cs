using System;
using System.Diagnostics;
using System.Linq;
using System.Text;
using System.Threading.Tasks;
using CloudImage.Sdk.Compression;
using CsCheck;
using Xunit;

namespace CloudImage.Sdk.Tests.Compression;

public sealed class ChunkCodecTests
{
    private const int ChunkLength = 256 * 1024;

    public static TheoryData<string> Codecs => ["none", "lz4", "zstd:3", "zstd:-5", "zstd:9"];

    [Theory]
    [MemberData(nameof(Codecs))]
    public void Compress_OfAnything_DecodesToTheSame(string name)
    {
        ChunkCodec codec = Find(name);
        Gen<byte[]> noise = Gen.Byte.Array[0, 5000];
        Gen<byte[]> text = Gen.Int[0, 5].Select(value => (byte)(value + 'a')).Array[0, 5000];
        Gen.OneOf(noise, text, noise.Select(text, (left, right) => (byte[])[.. left, .. right, .. left])).Sample(
            plain =>
            {
                byte[] destination = new byte[plain.Length];
                int length = codec.Compress(plain, destination, out ChunkCodecId id);
                byte[] back = new byte[plain.Length];
                return length <= plain.Length
                    && (id == ChunkCodecId.Stored || id == codec.Id)
                    && (id == ChunkCodecId.Stored) == (length == plain.Length)
                    && ChunkCodec.TryDecompress(id, destination.AsSpan(0, length), back)
                    && back.AsSpan().SequenceEqual(plain);
            },
            iter: 300);
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void Compress_OfNoise_IsStored(string name)
    {
        byte[] plain = MakeNoise(ChunkLength, 1);
        byte[] destination = new byte[ChunkLength];
        Assert.Equal(ChunkLength, Find(name).Compress(plain, destination, out ChunkCodecId id));
        Assert.Equal(ChunkCodecId.Stored, id);
        Assert.Equal(plain, destination);
    }

    [Theory]
    [InlineData("lz4", 0.2)]
    [InlineData("zstd:3", 0.12)]
    public void Compress_OfText_Shrinks(string name, double share)
    {
        byte[] plain = MakeText(ChunkLength);
        int length = Find(name).Compress(plain, new byte[ChunkLength], out ChunkCodecId id);
        Assert.NotEqual(ChunkCodecId.Stored, id);
        Assert.InRange(length, 1, (int)(share * ChunkLength));
    }

    [Fact]
    public void Decompress_ToAnotherLength_IsRefused()
    {
        byte[] plain = MakeText(ChunkLength);
        foreach (string name in Codecs.Select(row => row.Data))
        {
            byte[] destination = new byte[ChunkLength];
            int length = Find(name).Compress(plain, destination, out ChunkCodecId id);
            ReadOnlyMemory<byte> coded = destination.AsMemory(0, length);
            foreach (int wrong in new[] { 0, 1, ChunkLength - 1, ChunkLength + 1, 2 * ChunkLength })
            {
                Assert.False(ChunkCodec.TryDecompress(id, coded.Span, new byte[wrong]), $"{name} to {wrong}");
                Assert.Throws<ChunkCodecException>(() => ChunkCodec.Decompress(id, coded.Span, new byte[wrong]));
            }

            Assert.False(ChunkCodec.TryDecompress(id, coded.Span[..^1], new byte[ChunkLength]), name);
            Assert.False(ChunkCodec.TryDecompress(id, [], new byte[ChunkLength]), name);
        }

        Assert.False(ChunkCodec.TryDecompress((ChunkCodecId)77, plain, new byte[ChunkLength]));
    }

    [Fact]
    public void Decompress_OfDamage_NeverWritesOutsideAndNeverThrows()
    {
        int seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        byte[] plain = MakeText(20_000);
        foreach (string name in new[] { "lz4", "zstd:3" })
        {
            byte[] destination = new byte[plain.Length];
            int length = Find(name).Compress(plain, destination, out ChunkCodecId id);
            byte[] guarded = new byte[plain.Length + 128];
            for (int round = 0; round < 20_000; round++)
            {
                byte[] coded = destination.AsSpan(0, length).ToArray();
                for (int flips = random.Next(1, 6); flips > 0; flips--)
                {
                    coded[random.Next(Math.Min(coded.Length, random.Next(2) == 0 ? 40 : coded.Length))] = (byte)random.Next(256);
                }

                guarded.AsSpan().Fill(0xA5);
                ChunkCodec.TryDecompress(id, coded.AsSpan(0, random.Next(4) == 0 ? random.Next(coded.Length) : coded.Length), guarded.AsSpan(64, plain.Length));
                Assert.Equal(-1, guarded.AsSpan(0, 64).IndexOfAnyExcept((byte)0xA5));
                Assert.Equal(-1, guarded.AsSpan(64 + plain.Length).IndexOfAnyExcept((byte)0xA5));
            }
        }
    }

    [Fact]
    public void Compress_FromManyThreads_StaysRight()
    {
        byte[] plain = MakeText(ChunkLength);
        Parallel.For(0, 200, index =>
        {
            byte[] mine = [.. plain.AsSpan(index, 60_000)];
            byte[] destination = new byte[mine.Length];
            int length = Find(index % 2 == 0 ? "zstd:3" : "lz4").Compress(mine, destination, out ChunkCodecId id);
            byte[] back = new byte[mine.Length];
            Assert.True(ChunkCodec.TryDecompress(id, destination.AsSpan(0, length), back));
            Assert.Equal(mine, back);
        });
    }

    [Fact]
    public void Probe_TellsNoiseFromContent()
    {
        Assert.True(CompressionProbe.IsHopeless(MakeNoise(ChunkLength, 3)));
        Assert.False(CompressionProbe.IsHopeless(MakeText(ChunkLength)));
        Assert.False(CompressionProbe.IsHopeless(new byte[ChunkLength]));
        byte[] repeats = [.. MakeNoise(2048, 4), .. MakeNoise(2048, 4)];
        Assert.False(CompressionProbe.IsHopeless([.. Enumerable.Repeat(repeats, 64).SelectMany(part => part)]));
    }

    [Fact]
    public void Level_OutOfRange_Throws()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => ChunkCodec.WithZstdLevel(ChunkCodec.MaximumZstdLevel + 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => ChunkCodec.WithZstdLevel(ChunkCodec.MinimumZstdLevel - 1));
    }

    [Fact]
    public void Measure_WhenAsked_PrintsRates()
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("CLOUDIMAGE_MEASURE") == "1", "Measures only with CLOUDIMAGE_MEASURE=1.");
        foreach ((string kind, byte[] plain) in new[] { ("noise", MakeNoise(ChunkLength, 1)), ("text", MakeText(ChunkLength)) })
        {
            foreach (string name in Codecs.Select(row => row.Data))
            {
                ChunkCodec codec = Find(name);
                byte[] destination = new byte[ChunkLength];
                var clock = new Stopwatch();
                int length = 0;
                for (int round = 0; round < 300; round++)
                {
                    if (round == 100)
                    {
                        clock.Start();
                    }

                    length = codec.Compress(plain, destination, out _);
                }

                double rate = 200.0 * ChunkLength / clock.Elapsed.TotalSeconds / 1e6;
                TestContext.Current.TestOutputHelper?.WriteLine($"{kind} {name}: {rate:f0} MB/s, {length} bytes");
            }
        }
    }

    private static ChunkCodec Find(string name) => name switch
    {
        "none" => ChunkCodec.Stored,
        "lz4" => ChunkCodec.Lz4,
        _ => ChunkCodec.WithZstdLevel(int.Parse(name.AsSpan(5))),
    };

    private static byte[] MakeNoise(int length, int seed)
    {
        byte[] noise = new byte[length];
        new Random(seed).NextBytes(noise);
        return noise;
    }

    private static byte[] MakeText(int length)
    {
        var text = new StringBuilder();
        for (int line = 0; text.Length < length; line++)
        {
            text.Append($"package-{line * 7919 % 1000} installed version 1.{line % 13}.{line % 7} from section admin\n");
        }

        return Encoding.ASCII.GetBytes(text.ToString(0, length));
    }
}
