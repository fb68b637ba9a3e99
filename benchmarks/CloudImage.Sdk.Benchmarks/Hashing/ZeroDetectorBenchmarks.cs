using System;
using BenchmarkDotNet.Attributes;
using CloudImage.Sdk.Hashing;

namespace CloudImage.Sdk.Benchmarks.Hashing;

/// <summary>The zero scan against the runtime's own search, and the other searches of blocks.</summary>
[Config(typeof(InstructionSetConfig))]
[MemoryDiagnoser]
public class ZeroDetectorBenchmarks
{
    private byte[] _zeros = [];
    private byte[] _same = [];

    [Params(512, 4096, 262144)]
    public int Length { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        InstructionSet.RequireExpected();
        _zeros = new byte[Length];
        _same = new byte[Length];
    }

    [Benchmark(Baseline = true)]
    public bool ContainsAnyExcept() => _zeros.AsSpan().ContainsAnyExcept((byte)0);

    [Benchmark]
    public bool IsZero() => ZeroDetector.IsZero(_zeros);

    [Benchmark]
    public ulong ChangedBlocks() => ZeroDetector.ChangedBlocks(_zeros, _same);

    [Benchmark]
    public uint ChecksumCrc32C() => Crc32C.HashToUInt32(_zeros);
}
