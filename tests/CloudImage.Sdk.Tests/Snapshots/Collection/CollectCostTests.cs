using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Collection;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots.Collection;

/// <summary>What a collection costs; with CLOUDIMAGE_MEASURE=1 of a repository of a million chunks in a folder, with its time.</summary>
public class CollectCostTests
{
    [Fact]
    public async Task Collect_HalfOfManyChunks_ReadsRecordsAloneAndNoPack()
    {
        CountingNames store = new(new MemoryObjectStore());
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, SnapshotRepositoryOptions.Default);
        string old = await SyntheticRepository.AddSnapshotAsync(repository, "disk", 300);
        await SyntheticRepository.AddSnapshotAsync(repository, "disk", 300);
        await repository.DeleteAsync(old);
        store.Reads.Clear();
        CollectResult result = await repository.CollectAsync(CollectOptions.Default, null);
        Assert.True(result.DeletedPacks >= 300, $"{result.DeletedPacks} packs were deleted.");
        Assert.DoesNotContain(store.Reads, static name => name[0] is 'p' or 'm');
        Assert.True(store.Reads.Count < 40, string.Join(' ', store.Reads));
        store.Reads.Clear();
        CollectResult measured = await repository.CollectAsync(new CollectOptions { CompactBelow = 0.5, IsDryRun = true }, null);
        Assert.Equal(0, measured.CompactedPacks);
        Assert.Empty(measured.Warnings);
    }

    [Fact]
    public async Task Measure_AMillionChunks_WhenAsked_PrintsTheTime()
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("CLOUDIMAGE_MEASURE") == "1", "Measures only with CLOUDIMAGE_MEASURE=1.");
        using TempFolder folder = new();
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new DirectoryObjectStore(folder.Path), SnapshotRepositoryOptions.Default);
        string old = await SyntheticRepository.AddSnapshotAsync(repository, "disk", 2048);
        await SyntheticRepository.AddSnapshotAsync(repository, "disk", 2048);
        await repository.DeleteAsync(old);
        foreach ((string what, CollectOptions options) in new (string, CollectOptions)[]
        {
            ("dry run", new() { IsDryRun = true }),
            ("dry run that measures every chunk", new() { IsDryRun = true, CompactBelow = 0.5 }),
            ("collection of half", CollectOptions.Default),
            ("collection of nothing", CollectOptions.Default),
        })
        {
            long startedAt = Stopwatch.GetTimestamp();
            CollectResult result = await repository.CollectAsync(options, null);
            double seconds = Stopwatch.GetElapsedTime(startedAt).TotalSeconds;
            TestContext.Current.TestOutputHelper?.WriteLine($"{what}: {seconds:0.00} s, {result.CandidatePacks} packs to go, {result.DeletedPacks} deleted, {result.DeletedSegments} segments.");
            Assert.True(seconds < 2, $"{what}: {seconds:0.00} s.");
        }
    }

    private sealed class CountingNames(ObjectStore inner) : DelegatingObjectStore(inner)
    {
        public List<string> Reads { get; } = [];

        protected override async ValueTask<int> ReadCoreAsync(string name, Memory<byte> buffer, long offset, CloudImage.Sdk.IO.IoMode mode, System.Threading.CancellationToken cancellationToken)
        {
            lock (Reads)
            {
                Reads.Add(name);
            }

            return await base.ReadCoreAsync(name, buffer, offset, mode, cancellationToken);
        }
    }
}
