using System;
using BenchmarkDotNet.Attributes;
using CloudImage.Sdk.Benchmarks.Hashing;
using CloudImage.Sdk.Chunking;

namespace CloudImage.Sdk.Benchmarks.Chunking;

/// <summary>MinCDC over memory, against a pass that only reads and adds.</summary>
[Config(typeof(InstructionSetConfig))]
[MemoryDiagnoser]
public class MinCdcBenchmarks
{
    private readonly byte[] _data = new byte[64 * 1024 * 1024];
    private readonly MinCdcChunker _chunker = new(ChunkingOptions.CreateMinCdc(64 * 1024));

    [GlobalSetup]
    public void Setup()
    {
        InstructionSet.RequireExpected();
        new Random(1).NextBytes(_data);
    }

    [Benchmark(Baseline = true)]
    public ulong ReadAndSum() => VectorSum.Sum(_data);

    [Benchmark]
    public int Cut()
    {
        ReadOnlySpan<byte> rest = _data;
        int count = 0;
        _chunker.Reset();
        while (_chunker.TryCut(rest, isFinal: true, out ChunkCut cut))
        {
            rest = rest[cut.Length..];
            count++;
        }

        return count;
    }
}
