using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Compression;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Encryption;
using CloudImage.Sdk.Snapshots.Replication;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Snapshots.Encryption;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots.Replication;

public sealed class ReplicationTests : IDisposable
{
    private const int Length = 3_000_001;
    private readonly KeyProvider _alice = KeyProviderTests.Make("key-file", 1);
    private readonly KeyProvider _bob = KeyProviderTests.Make("key-file", 2);

    public void Dispose()
    {
        _alice.Dispose();
        _bob.Dispose();
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public async Task Copy_BetweenAllKindsOfKeys_GivesTheSameDisksAndRoots(bool isSourceSealed, bool isDestinationSealed)
    {
        await using SnapshotRepository source = await CreateAsync(new MemoryObjectStore(), isSourceSealed ? _alice : null);
        await using SnapshotRepository destination = await CreateAsync(new MemoryObjectStore(), isDestinationSealed ? _bob : null);
        Dictionary<string, byte[]> disks = await FillAsync(source, "web", 3, 1);
        foreach ((string id, byte[] disk) in await FillAsync(source, "data", 2, 9))
        {
            disks.Add(id, disk);
        }

        ReplicationDestination result = Assert.Single((await source.CopyToAsync([destination], ReplicationOptions.Default, null)).Destinations);
        Assert.Equal(5, result.Copied.Count);
        Assert.Equal(0, result.PresentCount);
        foreach (ReplicatedSnapshot copied in result.Copied)
        {
            SnapshotInfo copy = await destination.GetAsync(copied.Copy.Id);
            Assert.Equal(disks[copied.Source.Id], await SnapshotTestData.ReadAllAsync(destination, copy.Id));
            Assert.Equal((copied.Source.Root, copied.Source.Image, copied.Source.CreatedAt, copied.Source.Sequence), (copy.Root, copy.Image, copy.CreatedAt, copy.Sequence));
            Assert.Equal((source.Id, copied.Source.Id), (copy.Origin!.RepositoryId, copy.Origin.SnapshotId));
            Assert.Equal(copied.Source.Tags, copy.Tags);
        }

        Assert.Equal(result.Copied[2].Copy.Id, result.Copied[3].Copy.ParentId);
        VerifyResult verified = await destination.VerifyAsync(VerifyOptions.Default, null);
        Assert.Empty(verified.Problems);
        Assert.Empty(verified.UnknownObjects);
    }

    [Fact]
    public async Task Copy_IntoAReplica_MovesSealedFramesVerbatim()
    {
        MemoryObjectStore sourceStore = new();
        MemoryObjectStore replicaStore = new();
        await using SnapshotRepository source = await CreateAsync(sourceStore, _alice);
        Dictionary<string, byte[]> disks = await FillAsync(source, "web", 1, 1);
        SnapshotRepositoryOpenOptions options = new() { Key = _alice };
        await using SnapshotRepository replica = await SnapshotRepository.CreateReplicaAsync(new UnownedStore(replicaStore), source, options);
        Assert.NotEqual(source.Id, replica.Id);
        await source.CopyToAsync([replica], ReplicationOptions.Default, null);

        byte[] original = Assert.Single(await SnapshotTestData.DumpAsync(sourceStore), static pair => pair.Key.StartsWith("p/", StringComparison.Ordinal)).Value;
        byte[] copy = Assert.Single(await SnapshotTestData.DumpAsync(replicaStore), static pair => pair.Key.StartsWith("p/", StringComparison.Ordinal)).Value;
        Assert.Equal(original.Length, copy.Length);

        // All but the names in the first 32 bytes and the hashes over them at the end.
        Assert.True(original.AsSpan(32, original.Length - 96).SequenceEqual(copy.AsSpan(32, copy.Length - 96)));
        await using SnapshotRepository reopened = await SnapshotRepository.OpenAsync(new UnownedStore(replicaStore), options);
        Assert.Equal(disks.Values.Single(), await SnapshotTestData.ReadAllAsync(reopened, (await reopened.ListAsync())[0].Id));
        await Assert.ThrowsAsync<SnapshotRepositoryException>(() => SnapshotRepository.CreateReplicaAsync(new UnownedStore(replicaStore), source, options));
    }

    [Fact]
    public async Task SecondRun_WithoutChanges_CostsAtMostTwoRequestsASnapshot()
    {
        CountingObjectStore sourceStore = new(new MemoryObjectStore());
        CountingObjectStore destinationStore = new(new MemoryObjectStore());
        await using SnapshotRepository source = await CreateAsync(sourceStore, null);
        await using SnapshotRepository destination = await CreateAsync(destinationStore, null);
        await FillAsync(source, "web", 12, 1);
        await source.CopyToAsync([destination], ReplicationOptions.Default, null);

        (long atSource, long atDestination) = (Requests(sourceStore), Requests(destinationStore));
        ReplicationDestination all = Assert.Single((await source.CopyToAsync([destination], ReplicationOptions.Default, null)).Destinations);
        Assert.Empty(all.Copied);
        Assert.Equal(12, all.PresentCount);
        Assert.InRange(Requests(sourceStore) - atSource + Requests(destinationStore) - atDestination, 1, 2 * 12);

        (atSource, atDestination) = (Requests(sourceStore), Requests(destinationStore));
        await source.CopyToAsync([destination], new ReplicationOptions { Images = ["web"] }, null);
        Assert.InRange(Requests(sourceStore) - atSource + Requests(destinationStore) - atDestination, 1, (2 * 12) + 3);
    }

    [Fact]
    public async Task OnlyMissingChunksTravel_AtMostTwoPercentMoreBytes()
    {
        CountingObjectStore sourceStore = new(new MemoryObjectStore());
        CountingObjectStore destinationStore = new(new MemoryObjectStore());
        await using SnapshotRepository source = await CreateAsync(sourceStore, null);
        await using SnapshotRepository destination = await CreateAsync(destinationStore, null);
        byte[] content = new byte[32 << 20];
        new Random(5).NextBytes(content);
        await source.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null);
        await MeasureAsync(content.Length / SnapshotTestData.ChunkSize);

        // 8 MiB anew, 4 MiB moved to where they were not, 4 MiB of zeros.
        byte[] changed = [.. content];
        new Random(6).NextBytes(changed.AsSpan(3 << 20, 8 << 20));
        content.AsSpan(0, 4 << 20).CopyTo(changed.AsSpan(16 << 20));
        changed.AsSpan(24 << 20, 4 << 20).Clear();
        await source.CaptureAsync(new ModelDisk(changed), SnapshotTestData.Capture("disk"), null);
        await MeasureAsync((8 << 20) / SnapshotTestData.ChunkSize);

        async Task MeasureAsync(long expectedChunks)
        {
            (long read, long written) = (sourceStore.GetStatistics().BytesRead, destinationStore.GetStatistics().BytesWritten);
            ReplicationResult result = await source.CopyToAsync([destination], ReplicationOptions.Default, null);
            Assert.Equal(expectedChunks, result.Destinations[0].ChunkCount);
            Assert.Equal(expectedChunks * (SnapshotTestData.ChunkSize + 48L), result.Destinations[0].FrameBytes);
            Assert.InRange(sourceStore.GetStatistics().BytesRead - read, result.Destinations[0].FrameBytes, (long)(1.02 * result.Destinations[0].FrameBytes));
            Assert.InRange(destinationStore.GetStatistics().BytesWritten - written, result.Destinations[0].FrameBytes, (long)(1.02 * result.Destinations[0].FrameBytes));
        }
    }

    [Fact]
    public async Task FanOut_ReadsTheSourceOnce_WhateverEachDestinationLacks()
    {
        await using SnapshotRepository source = await CreateAsync(new MemoryObjectStore(), null);
        await using SnapshotRepository full = await CreateAsync(new MemoryObjectStore(), null);
        await using SnapshotRepository half = await CreateAsync(new MemoryObjectStore(), null);
        await using SnapshotRepository sealedOne = await CreateAsync(new MemoryObjectStore(), _bob);
        Dictionary<string, byte[]> disks = await FillAsync(source, "web", 1, 1);
        await source.CopyToAsync([half], ReplicationOptions.Default, null);
        foreach ((string id, byte[] disk) in await FillAsync(source, "web", 2, 20))
        {
            disks.Add(id, disk);
        }

        ReplicationResult result = await source.CopyToAsync([full, half, sealedOne], ReplicationOptions.Default, null);
        Assert.Equal([3, 2, 3], result.Destinations.Select(static destination => destination.Copied.Count));
        Assert.Equal([0, 1, 0], result.Destinations.Select(static destination => destination.PresentCount));
        Assert.Equal(result.Destinations[0].FrameBytes, result.ReadBytes);
        Assert.True(result.Destinations[1].FrameBytes < result.Destinations[0].FrameBytes);
        foreach ((SnapshotRepository repository, ReplicationDestination destination) in new[] { full, half, sealedOne }.Zip(result.Destinations))
        {
            foreach (ReplicatedSnapshot copied in destination.Copied)
            {
                Assert.Equal(disks[copied.Source.Id], await SnapshotTestData.ReadAllAsync(repository, copied.Copy.Id));
            }

            Assert.Empty((await repository.VerifyAsync(VerifyOptions.Default, null)).Problems);
        }
    }

    [Fact]
    public async Task Copy_GivenUpAtTheDestination_DoesNotComeBack()
    {
        await using SnapshotRepository source = await CreateAsync(new MemoryObjectStore(), null);
        await using SnapshotRepository destination = await CreateAsync(new MemoryObjectStore(), null);
        await FillAsync(source, "web", 2, 1);
        ReplicationResult first = await source.CopyToAsync([destination], ReplicationOptions.Default, null);
        await destination.DeleteAsync(first.Destinations[0].Copied[0].Copy.Id);
        Assert.Empty((await source.CopyToAsync([destination], ReplicationOptions.Default, null)).Destinations[0].Copied);
        Assert.Single(await destination.ListAsync());
    }

    [Fact]
    public async Task Copies_OfCopies_AreKnownByWhereTheyWereCaptured()
    {
        await using SnapshotRepository first = await CreateAsync(new MemoryObjectStore(), null);
        await using SnapshotRepository second = await CreateAsync(new MemoryObjectStore(), null);
        await using SnapshotRepository third = await CreateAsync(new MemoryObjectStore(), null);
        Dictionary<string, byte[]> disks = await FillAsync(first, "web", 2, 1);
        await first.CopyToAsync([second], ReplicationOptions.Default, null);
        ReplicationResult onward = await second.CopyToAsync([third, first], ReplicationOptions.Default, null);
        Assert.Equal([2, 0], onward.Destinations.Select(static destination => destination.Copied.Count));
        Assert.Equal(disks.Keys, onward.Destinations[0].Copied.Select(static copied => copied.Copy.Origin!.SnapshotId));
        Assert.Empty((await first.CopyToAsync([third], ReplicationOptions.Default, null)).Destinations[0].Copied);
    }

    [Fact]
    public async Task Copy_OfOneImageOrOneSnapshot_LeavesTheOthers()
    {
        await using SnapshotRepository source = await CreateAsync(new MemoryObjectStore(), null);
        await using SnapshotRepository destination = await CreateAsync(new MemoryObjectStore(), null);
        await FillAsync(source, "web", 2, 1);
        Dictionary<string, byte[]> data = await FillAsync(source, "data", 2, 5);
        ReplicationResult one = await source.CopyToAsync([destination], new ReplicationOptions { SnapshotIds = [data.Keys.Last()] }, null);
        Assert.Equal([data.Keys.Last()], one.Destinations[0].Copied.Select(static copied => copied.Source.Id));
        ReplicationResult image = await source.CopyToAsync([destination], new ReplicationOptions { Images = ["data"] }, null);
        Assert.Equal([data.Keys.First()], image.Destinations[0].Copied.Select(static copied => copied.Source.Id));
        await Assert.ThrowsAsync<SnapshotNotFoundException>(() => source.CopyToAsync([destination], new ReplicationOptions { Images = ["nobody"] }, null));
    }

    [Fact]
    public async Task Copy_OfLayersAndOfEmptyAndWhollyZeroDisks_Works()
    {
        await using SnapshotRepository source = await CreateAsync(new MemoryObjectStore(), null);
        await using SnapshotRepository destination = await CreateAsync(new MemoryObjectStore(), null);
        ModelDisk overlay = new(SnapshotTestData.Mixed(Length, 3));
        for (int grain = 0; grain < 400; grain++)
        {
            overlay.SetKind(grain, CloudImage.Sdk.Disks.DiskExtentKind.Unmapped);
        }

        CaptureResult layer = await source.CaptureAsync(overlay, new CaptureOptions { Image = "layer", AsLayer = true }, null);
        await source.CaptureAsync(new ModelDisk([]), SnapshotTestData.Capture("empty"), null);
        await source.CaptureAsync(new ModelDisk(new byte[SnapshotTestData.ChunkSize * 300]), SnapshotTestData.Capture("zero"), null);
        ReplicationResult result = await source.CopyToAsync([destination], ReplicationOptions.Default, null);
        Assert.Equal([0L, 1L, 0L], result.Destinations[0].Copied.Select(static copied => copied.Copy.IsLayer ? 1L : 0L));
        SnapshotInfo copy = result.Destinations[0].Copied[1].Copy;
        Assert.Equal(layer.Snapshot.Root, copy.Root);
        Assert.Empty((await destination.VerifyAsync(VerifyOptions.Default, null)).Problems);
    }

    [Fact]
    public async Task DamagedSource_IsFoundBeforeTheCopyCommits()
    {
        MemoryObjectStore store = new();
        await using (SnapshotRepository source = await CreateAsync(new UnownedStore(store), null))
        {
            await FillAsync(source, "web", 1, 1);
        }

        Dictionary<string, byte[]> objects = await SnapshotTestData.DumpAsync(store);
        string pack = objects.Keys.First(static name => name.StartsWith("p/", StringComparison.Ordinal));
        objects[pack] = [.. objects[pack]];
        objects[pack][20_000] ^= 1;
        await using SnapshotRepository damaged = await SnapshotRepository.OpenAsync(await SnapshotTestData.StoreOfAsync(objects));
        await using SnapshotRepository destination = await CreateAsync(new MemoryObjectStore(), null);
        RepositoryCorruptException exception = await Assert.ThrowsAsync<RepositoryCorruptException>(() => damaged.CopyToAsync([destination], ReplicationOptions.Default, null));
        Assert.Contains(pack, exception.Message, StringComparison.Ordinal);
        Assert.Empty(await destination.ListAsync());
    }

    [Fact]
    public async Task Destination_OfAnotherKind_IsRefused()
    {
        await using SnapshotRepository source = await CreateAsync(new MemoryObjectStore(), null);
        await using SnapshotRepository other = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotRepositoryOptions.Default);
        await Assert.ThrowsAsync<ArgumentException>(() => source.CopyToAsync([other], ReplicationOptions.Default, null));
        await Assert.ThrowsAsync<ArgumentException>(() => source.CopyToAsync([source], ReplicationOptions.Default, null));
    }

    [Fact]
    public async Task Crash_AtAnyStep_LeavesNoHalfCopy_AndTheNextRunGoesOn()
    {
        await using SnapshotRepository source = await CreateAsync(new MemoryObjectStore(), null);
        Dictionary<string, byte[]> disks = await FillAsync(source, "web", 2, 1, 400_000);
        CrashingObjectStore whole = new(0, long.MaxValue, false, null);
        await (await CreateAsync(whole, null)).DisposeAsync();
        Dictionary<string, byte[]> empty = whole.Recover();
        CrashingObjectStore counted = new(0, long.MaxValue, false, empty);
        await using (SnapshotRepository destination = await SnapshotRepository.OpenAsync(new UnownedStore(counted)))
        {
            await source.CopyToAsync([destination], ReplicationOptions.Default, null);
        }

        for (long step = 1; step <= counted.Steps; step++)
        {
            CrashingObjectStore store = new((int)step, step, false, empty);
            await using (SnapshotRepository destination = await SnapshotRepository.OpenAsync(new UnownedStore(store)))
            {
                await Assert.ThrowsAnyAsync<Exception>(() => source.CopyToAsync([destination], ReplicationOptions.Default, null));
            }

            Dictionary<string, byte[]> remains = store.Recover();
            await using SnapshotRepository again = await SnapshotRepository.OpenAsync(await SnapshotTestData.StoreOfAsync(remains));
            foreach (SnapshotInfo survivor in await again.ListAsync())
            {
                Assert.Equal(disks[survivor.Origin!.SnapshotId], await SnapshotTestData.ReadAllAsync(again, survivor.Id));
            }

            ReplicationDestination result = (await source.CopyToAsync([again], ReplicationOptions.Default, null)).Destinations[0];
            Assert.Equal(2, result.Copied.Count + result.PresentCount);
            IReadOnlyList<SnapshotInfo> copies = await again.ListAsync();
            Assert.Equal(disks.Keys, copies.Select(static copy => copy.Origin!.SnapshotId));
            foreach (SnapshotInfo copy in copies)
            {
                Assert.Equal(disks[copy.Origin!.SnapshotId], await SnapshotTestData.ReadAllAsync(again, copy.Id));
            }

            Assert.Empty((await again.VerifyAsync(VerifyOptions.Default, null)).Problems);
        }
    }

    [Fact]
    public async Task InterruptedCopy_DoesNotSendAgainWhatArrived()
    {
        await using SnapshotRepository source = await CreateAsync(new MemoryObjectStore(), null);
        byte[] content = new byte[72 << 20];
        new Random(8).NextBytes(content);
        await source.CaptureAsync(new ModelDisk(content), new CaptureOptions { Image = "disk", Codec = ChunkCodec.Stored }, null);
        MemoryObjectStore store = new();
        await (await CreateAsync(new UnownedStore(store), null)).DisposeAsync();
        await using (SnapshotRepository failing = await SnapshotRepository.OpenAsync(new SecondPackFails(store)))
        {
            await Assert.ThrowsAsync<ObjectStoreException>(() => CopyAsync(failing));
        }

        await using SnapshotRepository destination = await SnapshotRepository.OpenAsync(store);
        ReplicationDestination result = (await source.CopyToAsync([destination], ReplicationOptions.Default, null)).Destinations[0];
        Assert.InRange(result.ChunkCount, 1, (9 << 20) / SnapshotTestData.ChunkSize);
        Assert.Equal(content, await SnapshotTestData.ReadAllAsync(destination, Assert.Single(result.Copied).Copy.Id));
        Assert.Empty(await destination.ListInterruptedAsync());

        Task CopyAsync(SnapshotRepository failing) => source.CopyToAsync([failing], ReplicationOptions.Default, null);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Source_GivenUpAndCollectedUnderTheCopy_IsLeftOut_AndTheRestArrives(bool usesPin)
    {
        MemoryObjectStore store = new();
        await using SnapshotRepository owner = await CreateAsync(new UnownedStore(store), null);
        string[] ids = [.. (await FillAsync(owner, "web", 1, 1)).Keys, .. (await FillAsync(owner, "other", 1, 7)).Keys];
        async Task GiveUpAsync()
        {
            await owner.DeleteAsync(ids[0]);
            await owner.CollectAsync(new CloudImage.Sdk.Snapshots.Collection.CollectOptions(), null);
        }

        // With a pin it is given up before the pin stands; without one when the destination's session is opened.
        await using SnapshotRepository source = await SnapshotRepository.OpenAsync(new OnCreate(store, $"s/{ids[0]}/pin.", usesPin ? GiveUpAsync : null));
        MemoryObjectStore destinationStore = new();
        await (await CreateAsync(new UnownedStore(destinationStore), null)).DisposeAsync();
        int opened = 0;
        await using SnapshotRepository destination = await SnapshotRepository.OpenAsync(
            new OnCreate(destinationStore, "s/", usesPin ? null : async () => await (++opened == 2 ? GiveUpAsync() : Task.CompletedTask)));
        ReplicationResult result = await source.CopyToAsync([destination], new ReplicationOptions { PinSource = usesPin }, null);
        Assert.Equal([ids[1]], result.Destinations[0].Copied.Select(static copied => copied.Source.Id));
        Assert.Empty(await destination.ListInterruptedAsync());
        Assert.Empty((await destination.VerifyAsync(VerifyOptions.Default, null)).Problems);
    }

    private sealed class OnCreate(ObjectStore inner, string prefix, Func<Task>? action) : DelegatingObjectStore(new UnownedStore(inner))
    {
        protected override async ValueTask<bool> TryCreateCoreAsync(string name, ReadOnlyMemory<byte> content, ObjectCreateOptions options, CancellationToken cancellationToken)
        {
            if (action is not null && (prefix == "s/" ? name.EndsWith("/open", StringComparison.Ordinal) : name.StartsWith(prefix, StringComparison.Ordinal)))
            {
                await action();
            }

            return await base.TryCreateCoreAsync(name, content, options, cancellationToken);
        }
    }

    private static long Requests(CountingObjectStore store)
    {
        ObjectStoreStatistics statistics = store.GetStatistics();
        return statistics.Creates + statistics.Reads + statistics.Infos + statistics.Lists + statistics.Deletes;
    }

    private static Task<SnapshotRepository> CreateAsync(ObjectStore store, KeyProvider? key) => SnapshotRepository.CreateAsync(store, new SnapshotRepositoryOptions
    {
        ChunkSize = SnapshotTestData.ChunkSize,
        Encryption = key is null ? RepositoryEncryption.None : RepositoryEncryption.Aes256Gcm,
        Keys = key is null ? [] : [key],
    });

    private static async Task<Dictionary<string, byte[]>> FillAsync(SnapshotRepository repository, string image, int count, int seed, int length = Length)
    {
        Dictionary<string, byte[]> disks = [];
        byte[] content = SnapshotTestData.Mixed(length, seed);
        for (int index = 0; index < count; index++)
        {
            content = [.. content];
            new Random(seed + index).NextBytes(content.AsSpan(index * 131_072, 100_000));
            CaptureOptions options = new() { Image = image, Codec = index == 1 ? ChunkCodec.Zstd : ChunkCodec.Lz4, Tags = [KeyValuePair.Create("round", $"{index}")] };
            disks.Add((await repository.CaptureAsync(new ModelDisk(content), options, null)).Id, content);
        }

        return disks;
    }

    private sealed class SecondPackFails(ObjectStore inner) : DelegatingObjectStore(new UnownedStore(inner))
    {
        private int _packs;

        protected override ValueTask<ObjectUpload> BeginCreateCoreAsync(string name, ObjectCreateOptions options, CancellationToken cancellationToken) =>
            name.StartsWith("p/", StringComparison.Ordinal) && ++_packs > 1
                ? throw new ObjectStoreException("The network is gone.")
                : base.BeginCreateCoreAsync(name, options, cancellationToken);
    }
}
