using System;
using System.Security.Cryptography;
using BenchmarkDotNet.Attributes;
using CloudImage.Sdk.Hashing;

namespace CloudImage.Sdk.Benchmarks.Hashing;

/// <summary>BLAKE3 in one buffer and in many, against the system's SHA-256.</summary>
[Config(typeof(InstructionSetConfig))]
[MemoryDiagnoser]
public class Blake3Benchmarks
{
    private readonly byte[] _data = new byte[1024 * 1024];
    private readonly byte[] _digest = new byte[32];
    private readonly ContentDigest[] _digests = new ContentDigest[1024];

    [GlobalSetup]
    public void Setup()
    {
        InstructionSet.RequireExpected();
        new Random(1).NextBytes(_data);
    }

    [Benchmark(Baseline = true)]
    public int Sha256OneMebibyte() => SHA256.HashData(_data, _digest);

    [Benchmark]
    public ContentDigest OneMebibyte() => Blake3.HashData(_data);

    [Benchmark]
    public ContentDigest OneKibibyte() => Blake3.HashData(_data.AsSpan(0, 1024));

    [Benchmark]
    public void ManyOf4KiB() => Blake3.HashMany(_data, 4096, _digests);

    [Benchmark]
    public void ManyOf64KiB() => Blake3.HashMany(_data, 65536, _digests);
}
