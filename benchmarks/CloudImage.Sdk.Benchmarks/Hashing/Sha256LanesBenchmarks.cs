using System;
using System.Security.Cryptography;
using BenchmarkDotNet.Attributes;
using CloudImage.Sdk.Hashing;

namespace CloudImage.Sdk.Benchmarks.Hashing;

/// <summary>Sixteen blocks of 512 KiB, as EBS direct wants them, against one after the other.</summary>
[Config(typeof(InstructionSetConfig))]
[MemoryDiagnoser]
public class Sha256LanesBenchmarks
{
    private const int BlockSize = 512 * 1024;

    private readonly byte[] _data = new byte[16 * BlockSize];
    private readonly byte[] _digest = new byte[32];
    private readonly ContentDigest[] _digests = new ContentDigest[16];

    [GlobalSetup]
    public void Setup()
    {
        InstructionSet.RequireExpected();
        new Random(1).NextBytes(_data);
    }

    [Benchmark(Baseline = true)]
    public void OneAfterTheOther()
    {
        for (int offset = 0; offset < _data.Length; offset += BlockSize)
        {
            SHA256.HashData(_data.AsSpan(offset, BlockSize), _digest);
        }
    }

    [Benchmark]
    public void Lanes() => Sha256Lanes.HashMany(_data, BlockSize, _digests);
}
