using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots;

/// <summary>A machine that goes down at every step of a capture: no snapshot or a whole one, and those before it untouched.</summary>
public class CrashTests
{
    // CLOUDIMAGE_CRASH_SEEDS=N tries N seeds instead of the few that CI has time for.
    private static readonly int s_seeds = int.Parse(Environment.GetEnvironmentVariable("CLOUDIMAGE_CRASH_SEEDS") ?? "3", CultureInfo.InvariantCulture);

    [Fact]
    public async Task Capture_CrashAtEveryStep_LeavesNoneOrAWholeSnapshot()
    {
        for (int seed = 1; seed <= s_seeds; seed++)
        {
            byte[] first = SnapshotTestData.Mixed(600_000, seed);
            byte[] second = [.. first];
            second.AsSpan(100_000, 200_000).Reverse();
            Dictionary<string, byte[]> initial = await CaptureWholeAsync(seed, first);
            long steps = long.MaxValue;
            for (long step = 1; step <= steps; step++)
            {
                CrashingObjectStore store = new(seed, step, false, initial);
                bool isReported = await TryCaptureAsync(store, second, null);
                steps = store.HasCrashed ? steps : 0;
                Dictionary<string, byte[]> remains = store.Recover();
                await AssertWholeAsync(remains, [first, second], isReported ? 2 : 1, $"seed {seed}, step {step}");
                await AssertResumableAsync(remains, seed, second, $"seed {seed}, step {step}");
            }
        }
    }

    [Fact]
    public async Task Capture_TornByAMachineWithoutFlushes_IsNeverRead()
    {
        for (int seed = 1; seed <= s_seeds; seed++)
        {
            byte[] first = SnapshotTestData.Mixed(300_000, seed + 50);
            byte[] second = SnapshotTestData.Mixed(400_000, seed + 60);
            Dictionary<string, byte[]> initial = await CaptureWholeAsync(seed, first);
            for (long step = 1; step < 40; step++)
            {
                CrashingObjectStore store = new(seed, step, true, initial);
                bool isReported = await TryCaptureAsync(store, second, null);
                await AssertWholeAsync(store.Recover(), [first, second], isReported ? 2 : 1, $"seed {seed}, step {step}");
            }
        }
    }

    private static async Task<Dictionary<string, byte[]>> CaptureWholeAsync(int seed, byte[] content)
    {
        CrashingObjectStore store = new(seed, long.MaxValue, false, null);
        SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, SnapshotTestData.SmallChunks);
        await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null);
        await store.FlushAsync();
        return store.Recover();
    }

    private static async Task<bool> TryCaptureAsync(CrashingObjectStore store, byte[] content, string? resume)
    {
        try
        {
            SnapshotRepository repository = await SnapshotRepository.OpenAsync(store);
            CaptureOptions options = new() { Image = "disk", ResumeSession = resume };
            await repository.CaptureAsync(new ModelDisk(content), options, null);
            return true;
        }
        catch (SimulatedCrashException)
        {
            // Merging after the fate may go down too: the fate decides whether the capture is counted.
            return false;
        }
    }

    private static bool IsSame(byte[] expected, byte[] actual) => expected.AsSpan().SequenceEqual(actual);

    private static async Task AssertWholeAsync(Dictionary<string, byte[]> remains, byte[][] disks, int atLeast, string what)
    {
        await using SnapshotRepository repository = await SnapshotRepository.OpenAsync(await SnapshotTestData.StoreOfAsync(remains));
        IReadOnlyList<SnapshotInfo> snapshots = await repository.ListAsync();
        Assert.True(snapshots.Count >= atLeast, $"{what}: {snapshots.Count} snapshots are left of {atLeast}.");
        for (int index = 0; index < snapshots.Count; index++)
        {
            VerifyResult verified = await repository.VerifyAsync(new VerifyOptions { SnapshotId = snapshots[index].Id }, null);
            Assert.True(verified.IsHealthy, $"{what}: {string.Join("; ", verified.Problems)}");
            byte[] expected = index == 0 ? disks[0] : disks[1];
            Assert.True(IsSame(expected, await SnapshotTestData.ReadAllAsync(repository, snapshots[index].Id)), what);
        }
    }

    private static async Task AssertResumableAsync(Dictionary<string, byte[]> remains, int seed, byte[] content, string what)
    {
        CrashingObjectStore store = new(seed, long.MaxValue, false, remains);
        SnapshotRepository repository = await SnapshotRepository.OpenAsync(store);
        foreach (InterruptedCapture interrupted in await repository.ListInterruptedAsync())
        {
            CaptureOptions options = new() { Image = "disk", ResumeSession = interrupted.SessionId };
            CaptureResult result = await repository.CaptureAsync(new ModelDisk(content), options, null);
            Assert.Equal(interrupted.SessionId, result.Id);
            Assert.True(IsSame(content, await SnapshotTestData.ReadAllAsync(repository, result.Id)), what);
            VerifyResult verified = await repository.VerifyAsync(VerifyOptions.Default, null);
            Assert.True(verified.IsHealthy, $"{what}: {string.Join("; ", verified.Problems)}");
        }
    }

    [Fact]
    public async Task Capture_Resumed_StoresNoPublishedChunkTwice()
    {
        byte[] content = new byte[80 << 20];
        new Random(5).NextBytes(content);
        CrashingObjectStore store = new(1, long.MaxValue, false, null);
        SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, SnapshotRepositoryOptions.Default);
        FailingDisk failing = new(content, 70 << 20);
        await Assert.ThrowsAsync<SnapshotRepositoryException>(() => repository.CaptureAsync(failing, SnapshotTestData.Capture("disk"), null));
        InterruptedCapture interrupted = Assert.Single(await repository.ListInterruptedAsync());
        CaptureResult result = await repository.CaptureAsync(
            new MemoryDisk(content), new CaptureOptions { Image = "disk", ResumeSession = interrupted.SessionId, Deduplication = ChunkDeduplication.Chain }, null);
        Assert.True(result.DuplicateChunks > 240, $"{result.DuplicateChunks} chunks were found in the published pack.");
        Assert.True(result.StoredBytes < 20 << 20, $"{result.StoredBytes} bytes were stored again.");
        Assert.True(IsSame(content, await SnapshotTestData.ReadAllAsync(repository, result.Id)));
        Assert.Empty(await repository.ListInterruptedAsync());
    }
}
