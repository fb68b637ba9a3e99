using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Encryption;
using CloudImage.Sdk.Storage;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots.Encryption;

/// <summary>A machine that goes down at every step of work with keys: whoever was reported to hold them does, and nothing sealed is lost.</summary>
public sealed class EncryptedCrashTests : IDisposable
{
    private readonly KeyProvider _alice = KeyProviderTests.Make("key-file", 1);
    private readonly KeyProvider _bob = KeyProviderTests.Make("key-file", 2);

    public void Dispose()
    {
        _alice.Dispose();
        _bob.Dispose();
    }

    [Fact]
    public async Task Create_CrashAtEveryStep_LeavesNoneOrAWholeRepository()
    {
        for (int seed = 1; seed <= CrashSweep.Seeds; seed++)
        {
            byte[] content = SnapshotTestData.Mixed(100_000, seed);
            await CrashSweep.RunAsync(
                seed,
                new Dictionary<string, byte[]>(),
                store => SnapshotRepository.CreateAsync(store, Options()),
                async (remains, isDone, what) =>
                {
                    bool isThere = remains.ContainsKey("repo.json");
                    Assert.True(isThere || !isDone, what);
                    SnapshotRepository repository = isThere
                        ? await CrashSweep.OpenAsync(remains, _alice)
                        : await SnapshotRepository.CreateAsync(await SnapshotTestData.StoreOfAsync(remains), Options());
                    CaptureResult result = await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null);
                    Assert.Equal(content, await SnapshotTestData.ReadAllAsync(repository, result.Id));
                });
        }
    }

    [Fact]
    public async Task Capture_CrashAtEveryStep_LeavesNoneOrAWholeSnapshotAndCanBeResumed()
    {
        for (int seed = 1; seed <= CrashSweep.Seeds; seed++)
        {
            byte[] first = SnapshotTestData.Mixed(400_000, seed);
            byte[] second = [.. first];
            second.AsSpan(100_000, 200_000).Reverse();
            Dictionary<string, byte[][]> made = new() { ["disk"] = [first, second] };
            Dictionary<string, byte[]> initial = await PrepareAsync(first);
            await CrashSweep.RunAsync(
                seed,
                initial,
                store => CaptureAsync(store, _alice, second),
                async (remains, isDone, what) =>
                {
                    SnapshotRepository repository = await CrashSweep.OpenAsync(remains, _alice);
                    await CrashSweep.AssertWholeAsync(repository, made, new Dictionary<string, int> { ["disk"] = isDone ? 2 : 1 }, what);
                    foreach (InterruptedCapture interrupted in await repository.ListInterruptedAsync())
                    {
                        await repository.CaptureAsync(new ModelDisk(second), new CaptureOptions { Image = "disk", ResumeSession = interrupted.SessionId }, null);
                        await CrashSweep.AssertWholeAsync(repository, made, new Dictionary<string, int> { ["disk"] = 2 }, what);
                    }
                });
        }
    }

    [Fact]
    public async Task HoldersAndEpochs_CrashAtEveryStep_WhoeverHoldsThemReadsAll()
    {
        for (int seed = 1; seed <= CrashSweep.Seeds; seed++)
        {
            byte[] first = SnapshotTestData.Mixed(200_000, seed);
            byte[] second = SnapshotTestData.Mixed(200_000, seed + 50);
            Dictionary<string, byte[][]> made = new() { ["disk"] = [first, second] };
            Dictionary<string, byte[]> initial = await PrepareAsync(first);
            Stage stage = Stage.Begun;
            await CrashSweep.RunAsync(
                seed,
                initial,
                async store =>
                {
                    stage = Stage.Begun;
                    RepositoryKeyring keyring = await RepositoryKeyring.OpenAsync(store, _alice);
                    HashSet<string> hers = [.. (await RepositoryKeyring.ListAsync(store)).Select(static slot => slot.Id)];
                    await keyring.AddHolderAsync(_bob);
                    stage = Stage.HolderAdded;
                    await keyring.AddEpochAsync([_bob]);
                    stage = Stage.EpochAdded;
                    await CaptureAsync(store, _bob, second);
                    stage = Stage.Captured;
                    foreach (string id in hers)
                    {
                        await keyring.RemoveHolderAsync(id);
                    }

                    stage = Stage.HolderRemoved;
                },
                async (remains, _, what) =>
                {
                    Dictionary<string, int> expected = new() { ["disk"] = stage >= Stage.Captured ? 2 : 1 };
                    if (stage >= Stage.HolderAdded)
                    {
                        SnapshotRepository bobs = await CrashSweep.OpenAsync(remains, _bob);
                        await CrashSweep.AssertWholeAsync(bobs, made, expected, what);
                        CaptureResult more = await bobs.CaptureAsync(new ModelDisk(first), SnapshotTestData.Capture("more"), null);
                        Assert.Equal(first, await SnapshotTestData.ReadAllAsync(bobs, more.Id));
                    }

                    if (stage == Stage.HolderRemoved)
                    {
                        await Assert.ThrowsAsync<RepositoryKeyException>(async () => await CrashSweep.OpenAsync(remains, _alice));
                    }
                    else if (stage < Stage.Captured)
                    {
                        // Hers is the first epoch alone: what bob sealed in the second one, where he came to it, is left out.
                        SnapshotRepository alices = await CrashSweep.OpenAsync(remains, _alice);
                        SnapshotInfo mine = Assert.Single(await alices.ListAsync());
                        Assert.Equal(first, await SnapshotTestData.ReadAllAsync(alices, mine.Id));
                        Assert.Empty((await alices.VerifyAsync(VerifyOptions.Default, null)).Problems);
                    }
                });
        }
    }

    private static async Task CaptureAsync(ObjectStore store, KeyProvider key, byte[] content)
    {
        SnapshotRepository repository = await SnapshotRepository.OpenAsync(store, new SnapshotRepositoryOpenOptions { Key = key });
        await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null);
    }

    private Task<Dictionary<string, byte[]>> PrepareAsync(byte[] content) => CrashSweep.PrepareAsync(async store =>
    {
        SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, Options());
        await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null);
    });

    private SnapshotRepositoryOptions Options() => new() { ChunkSize = SnapshotTestData.ChunkSize, Encryption = RepositoryEncryption.Aes256Gcm, Keys = [_alice] };

    private enum Stage
    {
        Begun,
        HolderAdded,
        EpochAdded,
        Captured,
        HolderRemoved,
    }
}
