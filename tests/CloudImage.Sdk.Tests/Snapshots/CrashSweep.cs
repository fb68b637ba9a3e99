using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Encryption;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots;

/// <summary>Does something again and again on a machine that goes down one step later each time, and looks at what a reboot finds.</summary>
internal static class CrashSweep
{
    /// <summary>CLOUDIMAGE_CRASH_SEEDS=N tries N seeds instead of the few that CI has time for.</summary>
    public static int Seeds { get; } = int.Parse(Environment.GetEnvironmentVariable("CLOUDIMAGE_CRASH_SEEDS") ?? "3", CultureInfo.InvariantCulture);

    /// <summary>Sweeps over all steps.</summary>
    /// <param name="seed">What is kept and lost of what was not flushed.</param>
    /// <param name="initial">What is there, durably.</param>
    /// <param name="action">What is done.</param>
    /// <param name="check">Looks at the remains; told whether the action ended well, and which seed and step it was.</param>
    /// <returns>The number of steps.</returns>
    public static async Task<long> RunAsync(
        int seed, IReadOnlyDictionary<string, byte[]> initial, Func<ObjectStore, Task> action, Func<Dictionary<string, byte[]>, bool, string, Task> check)
    {
        for (long step = 1; ; step++)
        {
            CrashingObjectStore store = new(unchecked((seed * 100_003) + (int)step), step, false, initial);
            bool isDone = false;
            try
            {
                await action(store);
                isDone = true;
            }
            catch (SimulatedCrashException)
            {
                Assert.True(store.HasCrashed);
            }

            bool hasCrashed = store.HasCrashed;
            string what = $"seed {seed}, step {step}";
            try
            {
                await check(store.Recover(), isDone, what);
            }
            catch (Exception exception) when (exception is CloudImageException or Xunit.Sdk.XunitException)
            {
                throw new InvalidOperationException($"Crash at {what}: {exception.Message}", exception);
            }

            if (!hasCrashed)
            {
                Assert.True(isDone);
                return step;
            }
        }
    }

    /// <summary>What an action that does not crash leaves, all of it durable.</summary>
    public static async Task<Dictionary<string, byte[]>> PrepareAsync(Func<ObjectStore, Task> action)
    {
        CrashingObjectStore store = new(0, long.MaxValue, false, null);
        await action(store);
        await store.FlushAsync();
        return store.Recover();
    }

    public static async Task<SnapshotRepository> OpenAsync(IReadOnlyDictionary<string, byte[]> objects, KeyProvider? key) =>
        await SnapshotRepository.OpenAsync(new CrashingObjectStore(0, long.MaxValue, false, objects), new SnapshotRepositoryOpenOptions { Key = key });

    /// <summary>Checks that the snapshots of each image are the first so many of those that were made, whole, and the repository healthy.</summary>
    public static async Task AssertWholeAsync(SnapshotRepository repository, IReadOnlyDictionary<string, byte[][]> made, IReadOnlyDictionary<string, int> atLeast, string what)
    {
        IReadOnlyList<SnapshotInfo> snapshots = await repository.ListAsync();
        Dictionary<string, int> seen = [];
        foreach (SnapshotInfo snapshot in snapshots)
        {
            int index = seen.GetValueOrDefault(snapshot.Image);
            seen[snapshot.Image] = index + 1;
            byte[] content = await SnapshotTestData.ReadAllAsync(repository, snapshot.Id);
            Assert.True(content.AsSpan().SequenceEqual(made[snapshot.Image][index]), $"{what}: snapshot {index + 1} of {snapshot.Image} reads wrong.");
        }

        foreach ((string image, int count) in atLeast)
        {
            Assert.True(seen.GetValueOrDefault(image) >= count, $"{what}: {seen.GetValueOrDefault(image)} snapshots of {image} are left of {count}.");
        }

        VerifyResult verified = await repository.VerifyAsync(VerifyOptions.Default, null);
        Assert.True(verified.IsHealthy, $"{what}: {string.Join("; ", verified.Problems)}");
    }
}
