using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots;

/// <summary>A machine that goes down at every step of what else writes: merging, resuming, composing, mending, restoring in place.</summary>
public class CrashPathTests
{
    [Fact]
    public async Task MergeOfSegments_CrashAtEveryStep_LosesNoSnapshotAndNoIndex()
    {
        for (int seed = 1; seed <= CrashSweep.Seeds; seed++)
        {
            byte[][] disks = [.. Enumerable.Range(0, 8).Select(index => SnapshotTestData.Mixed(150_000, (seed * 10) + index))];
            Dictionary<string, byte[][]> made = disks.Select(static (disk, index) => (disk, index)).ToDictionary(static pair => $"image {pair.index}", static pair => new[] { pair.disk });
            Dictionary<string, byte[]> initial = await CrashSweep.PrepareAsync(async store =>
            {
                SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, SnapshotTestData.SmallChunks);
                for (int index = 0; index < 7; index++)
                {
                    await repository.CaptureAsync(new ModelDisk(disks[index]), SnapshotTestData.Capture($"image {index}"), null);
                }
            });
            bool hasMerged = false;
            await CrashSweep.RunAsync(
                seed,
                initial,
                async store =>
                {
                    SnapshotRepository repository = await SnapshotRepository.OpenAsync(store);
                    await repository.CaptureAsync(new ModelDisk(disks[7]), SnapshotTestData.Capture("image 7"), null);

                    // The merged segment is not waited for by anybody; here it is made to last, so that it is met.
                    await store.FlushAsync();
                },
                async (remains, isDone, what) =>
                {
                    hasMerged |= remains.Keys.Any(static name => name.StartsWith("i/L1/", StringComparison.Ordinal));
                    SnapshotRepository repository = await CrashSweep.OpenAsync(remains, null);
                    Dictionary<string, int> expected = Enumerable.Range(0, isDone ? 8 : 7).ToDictionary(static index => $"image {index}", static _ => 1);
                    await CrashSweep.AssertWholeAsync(repository, made, expected, what);
                    CaptureResult again = await repository.CaptureAsync(new ModelDisk(disks[2]), SnapshotTestData.Capture("again"), null);
                    Assert.Equal(0, again.NewChunks);
                    Assert.Empty(again.Warnings);
                });
            Assert.True(hasMerged);
        }
    }

    [Fact]
    public async Task Resume_CrashAtEveryStep_CanBeResumedAgain()
    {
        for (int seed = 1; seed <= CrashSweep.Seeds; seed++)
        {
            byte[] first = SnapshotTestData.Mixed(300_000, seed + 100);
            byte[] second = SnapshotTestData.Mixed(500_000, seed + 200);
            Dictionary<string, byte[][]> made = new() { ["disk"] = [first, second] };
            Dictionary<string, byte[]> interrupted = await InterruptAsync(seed, first, second);
            await CrashSweep.RunAsync(
                seed,
                interrupted,
                async store =>
                {
                    SnapshotRepository repository = await SnapshotRepository.OpenAsync(store);
                    string session = Assert.Single(await repository.ListInterruptedAsync()).SessionId;
                    await repository.CaptureAsync(new ModelDisk(second), new CaptureOptions { Image = "disk", ResumeSession = session }, null);
                },
                async (remains, isDone, what) =>
                {
                    SnapshotRepository repository = await CrashSweep.OpenAsync(remains, null);
                    await CrashSweep.AssertWholeAsync(repository, made, new Dictionary<string, int> { ["disk"] = isDone ? 2 : 1 }, what);
                    foreach (InterruptedCapture capture in await repository.ListInterruptedAsync())
                    {
                        CaptureResult result = await repository.CaptureAsync(new ModelDisk(second), new CaptureOptions { Image = "disk", ResumeSession = capture.SessionId }, null);
                        Assert.Equal(0, result.NewChunks);
                    }

                    await CrashSweep.AssertWholeAsync(repository, made, new Dictionary<string, int> { ["disk"] = 2 }, what);
                });
        }
    }

    [Fact]
    public async Task Compose_CrashAtEveryStep_LeavesTheLayersAndNoneOrAWholeResult()
    {
        for (int seed = 1; seed <= CrashSweep.Seeds; seed++)
        {
            byte[] content = SnapshotTestData.Mixed(500_000, seed + 300);
            byte[] changed = [.. content];
            new Random(seed).NextBytes(changed.AsSpan(65536, 65536));
            byte[] layerAlone = new byte[content.Length];
            changed.AsSpan(65536, 65536).CopyTo(layerAlone.AsSpan(65536));
            Dictionary<string, byte[][]> made = new() { ["base"] = [content], ["layer"] = [layerAlone], ["whole"] = [changed] };
            Dictionary<string, byte[]> initial = await CrashSweep.PrepareAsync(async store =>
            {
                SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, SnapshotTestData.SmallChunks);
                await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("base"), null);
                ModelDisk overlay = new(changed);
                for (int grain = 0; grain < (content.Length + 4095) / 4096; grain++)
                {
                    overlay.SetKind(grain, grain is >= 16 and < 32 ? DiskExtentKind.Data : DiskExtentKind.Unmapped);
                }

                await repository.CaptureAsync(overlay, new CaptureOptions { Image = "layer", AsLayer = true }, null);
            });
            await CrashSweep.RunAsync(
                seed,
                initial,
                async store =>
                {
                    SnapshotRepository repository = await SnapshotRepository.OpenAsync(store);
                    string[] ids = [(await repository.FindLatestAsync("layer"))!.Id, (await repository.FindLatestAsync("base"))!.Id];
                    Assert.Equal(0, (await repository.ComposeAsync(ids, SnapshotTestData.Capture("whole"))).NewChunks);
                },
                async (remains, isDone, what) => await CrashSweep.AssertWholeAsync(
                    await CrashSweep.OpenAsync(remains, null), made, new Dictionary<string, int> { ["base"] = 1, ["layer"] = 1, ["whole"] = isDone ? 1 : 0 }, what));
        }
    }

    [Fact]
    public async Task Repair_CrashAtEveryStep_CanBeDoneAgain()
    {
        for (int seed = 1; seed <= CrashSweep.Seeds; seed++)
        {
            byte[] content = SnapshotTestData.Mixed(400_000, seed + 400);
            Dictionary<string, byte[]> damaged = await CrashSweep.PrepareAsync(async store =>
            {
                SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, SnapshotTestData.SmallChunks);
                await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null);
            });
            string pack = damaged.Keys.First(static name => name.StartsWith("p/", StringComparison.Ordinal));
            damaged[pack] = [.. damaged[pack]];
            damaged[pack][300] ^= 1;
            await CrashSweep.RunAsync(
                seed,
                damaged,
                async store =>
                {
                    SnapshotRepository repository = await SnapshotRepository.OpenAsync(store);
                    Assert.NotNull(await repository.RepairAsync((await repository.FindLatestAsync("disk"))!.Id, new ModelDisk(content)));
                },
                async (remains, isDone, what) =>
                {
                    SnapshotRepository repository = await CrashSweep.OpenAsync(remains, null);
                    IReadOnlyList<SnapshotInfo> left = await repository.ListAsync();
                    Assert.InRange(left.Count, 1, isDone ? 1 : 2);
                    foreach (SnapshotInfo snapshot in left)
                    {
                        string id = (await repository.RepairAsync(snapshot.Id, new ModelDisk(content)))?.Id ?? snapshot.Id;
                        Assert.True(isDone is false || id == snapshot.Id, $"{what}: the mended snapshot is damaged.");
                        byte[] mended = await SnapshotTestData.ReadAllAsync(repository, id);
                        Assert.True(content.AsSpan().SequenceEqual(mended), what);
                    }
                });
        }
    }

    [Fact]
    public async Task RestoreInPlace_PowerFailsAtEveryCall_LeavesTheOldTheNewOrAMarkedMixture()
    {
        for (int seed = 1; seed <= 3 * CrashSweep.Seeds; seed++)
        {
            Random random = new(seed);
            byte[] wanted = SnapshotTestData.Mixed(random.Next(1, 300_000), seed + 500);
            byte[] old = SnapshotTestData.Mixed(random.Next(1, 300_000), seed + (random.Next(2) == 0 ? 500 : 600));
            CrashingImageEditor whole = new(old);
            await new InPlaceRestore(new MemoryDisk(wanted), whole, static () => { }, static () => { }).RunAsync(true, null, default);
            Assert.Equal(wanted, whole.ToArray());
            for (int call = 0; call < whole.Calls; call++)
            {
                bool isMarked = false;
                CrashingImageEditor editor = new(old, call);
                await Assert.ThrowsAsync<FaultException>(async () => await new InPlaceRestore(new MemoryDisk(wanted), editor, () => isMarked = true, () => isMarked = false).RunAsync(true, null, default));
                foreach (int share in new[] { 0, 1, 2, 8 })
                {
                    byte[] found = editor.ContentAfterCrash(_ => share == 0 || random.Next(share) == 0);
                    string what = $"seed {seed}, call {call}, one sector of {share}";
                    Assert.True(isMarked || found.AsSpan().SequenceEqual(old) || found.AsSpan().SequenceEqual(wanted), $"{what}: a mixture without a mark.");
                    CrashingImageEditor again = new(found);
                    await new InPlaceRestore(new MemoryDisk(wanted), again, static () => { }, static () => { }).RunAsync(true, null, default);
                    Assert.True(wanted.AsSpan().SequenceEqual(again.ToArray()), what);
                    Assert.True(wanted.AsSpan().SequenceEqual(again.ContentAfterCrash(static _ => false)), $"{what}: reported done and not durable.");
                }
            }
        }
    }

    // The latest crash of a capture whose pack is durable and which has no fate.
    private static async Task<Dictionary<string, byte[]>> InterruptAsync(int seed, byte[] first, byte[] second)
    {
        Dictionary<string, byte[]> initial = await CrashSweep.PrepareAsync(async store =>
        {
            SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, SnapshotTestData.SmallChunks);
            await repository.CaptureAsync(new ModelDisk(first), SnapshotTestData.Capture("disk"), null);
        });
        Dictionary<string, byte[]>? latest = null;
        await CrashSweep.RunAsync(
            seed,
            initial,
            async store =>
            {
                SnapshotRepository repository = await SnapshotRepository.OpenAsync(store);
                await repository.CaptureAsync(new ModelDisk(second), SnapshotTestData.Capture("disk"), null);
            },
            async (remains, _, _) =>
            {
                IReadOnlyList<InterruptedCapture> left = await (await CrashSweep.OpenAsync(remains, null)).ListInterruptedAsync();
                bool hasPack = left.Count == 1 && remains.Keys.Any(name => name.StartsWith($"p/{left[0].SessionId}", StringComparison.Ordinal));
                latest = hasPack ? remains : latest;
            });
        Assert.NotNull(latest);
        return latest;
    }
}
