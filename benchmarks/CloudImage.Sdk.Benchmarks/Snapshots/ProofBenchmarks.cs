using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using BenchmarkDotNet.Attributes;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Proofs;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Snapshots;

namespace CloudImage.Sdk.Benchmarks.Snapshots;

/// <summary>A proof of 512 bytes of a disk of 4 TiB: made, read, its tree part followed, and all of it verified.</summary>
[MemoryDiagnoser]
public class ProofBenchmarks
{
    private const long Length = 4L << 40;
    private const long Offset = 3L << 40;
    private SnapshotRepository _repository = null!;
    private string _id = null!;
    private byte[] _bytes = null!;
    private RangeProof _proof = null!;
    private ContentDigest _root;

    [GlobalSetup]
    public async Task Setup()
    {
        _repository = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotRepositoryOptions.Default);
        Dictionary<long, int> chunks = new() { [Offset / SnapshotTestData.ChunkSize] = 7 };
        CaptureResult captured = await _repository.CaptureAsync(new SparseDisk(Length, chunks, DiskExtentKind.Zero), new CaptureOptions { Image = "disk" }, null);
        _id = captured.Id;
        _root = captured.Snapshot.Root;
        _proof = await _repository.ProveAsync(_id, Offset, 512);
        _bytes = _proof.ToArray();
        if (_proof.TreeBytes > 1024)
        {
            throw new InvalidOperationException($"The tree part has {_proof.TreeBytes} bytes.");
        }
    }

    [Benchmark]
    public async Task<int> Prove() => (await _repository.ProveAsync(_id, Offset, 512)).TreeBytes;

    [Benchmark]
    public int Parse() => RangeProof.Parse(_bytes).Length;

    [Benchmark]
    public bool FollowTree() => _proof.TryFollow(out _) ? true : throw new InvalidOperationException("The tree part does not hold.");

    [Benchmark]
    public bool Verify() => _proof.Verify(_root) ? true : throw new InvalidOperationException("The proof does not hold.");
}
