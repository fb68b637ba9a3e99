using System;
using BenchmarkDotNet.Attributes;
using CloudImage.Sdk.Compression;
using K4os.Compression.LZ4;

namespace CloudImage.Sdk.Benchmarks.Compression;

/// <summary>A chunk of 256 KiB through the LZ4 encoder and through the library's fastest level.</summary>
[MemoryDiagnoser]
public class Lz4EncoderBenchmarks
{
    private readonly byte[] _packed = new byte[ChunkLength];
    private byte[] _plain = [];

    private const int ChunkLength = 256 * 1024;

    /// <summary>Machine code and metadata of this assembly's runtime, or noise.</summary>
    [Params("code", "noise")]
    public string Content { get; set; } = "code";

    [GlobalSetup]
    public void Setup()
    {
        _plain = new byte[ChunkLength];
        if (Content == "noise")
        {
            new Random(1).NextBytes(_plain);
            return;
        }

        using System.IO.FileStream file = System.IO.File.OpenRead(typeof(object).Assembly.Location);
        file.Position = file.Length / 2;
        file.ReadExactly(_plain);
    }

    [Benchmark(Baseline = true)]
    public int Library() => LZ4Codec.Encode(_plain, _packed, LZ4Level.L00_FAST);

    [Benchmark]
    public int Encode() => Lz4Encoder.Encode(_plain, _packed);
}
