using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using BenchmarkDotNet.Attributes;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Trees;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Snapshots.Trees;

namespace CloudImage.Sdk.Benchmarks.Snapshots;

/// <summary>The difference of two trees of 1 TiB with a hundred scattered changes, each node read and verified, or from the cache.</summary>
[MemoryDiagnoser]
public class DiffBenchmarks
{
    private const long Length = 1L << 40;
    private readonly MemoryObjectStore _store = new();
    private SnapshotRepository _warm = null!;
    private SnapshotDescriptor _older = null!;
    private SnapshotDescriptor _newer = null!;

    [GlobalSetup]
    public async Task Setup()
    {
        _warm = await SnapshotRepository.CreateAsync(_store, SnapshotRepositoryOptions.Default);
        Random random = new(7);
        HashSet<long> changed = [];
        while (changed.Count < 100)
        {
            changed.Add(random.NextInt64(Length / _warm.ChunkSize));
        }

        _older = await SyntheticTree.BuildAsync(_warm, Length, changed, new HashSet<long>(), 1);
        _newer = await SyntheticTree.BuildAsync(_warm, Length, changed, changed, 2);
        await CompareAsync(_warm);
    }

    [Benchmark]
    public async Task<int> Cold() => await CompareAsync(await SnapshotRepository.OpenAsync(_store));

    [Benchmark]
    public async Task<int> Warm() => await CompareAsync(_warm);

    private async Task<int> CompareAsync(SnapshotRepository repository)
    {
        TreeDiff diff = new(new SnapshotTree(repository.Context, _older), new SnapshotTree(repository.Context, _newer));
        int count = (await diff.CompareAsync(IoMode.Asynchronous, CancellationToken.None)).Count;
        return count == 100 && diff.Nodes <= 330 ? count : throw new InvalidOperationException($"{count} changes by {diff.Nodes} nodes.");
    }
}
