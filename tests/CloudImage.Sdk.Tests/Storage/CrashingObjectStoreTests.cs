using System.Collections.Generic;
using System.Threading.Tasks;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Storage;

/// <summary>The simulator itself conforms, and loses nothing but what was not flushed.</summary>
public sealed class CrashingObjectStoreTests : ObjectStoreConformanceTests
{
    [Fact]
    public async Task Crash_AtEveryStep_KeepsWhatWasFlushed()
    {
        bool isLostOnce = false;
        bool isKeptOnce = false;
        for (long step = 1; step <= 5; step++)
        {
            for (int seed = 0; seed < 8; seed++)
            {
                await using var store = new CrashingObjectStore(seed, step, false, null);
                bool isFlushed = false;
                try
                {
                    await store.TryCreateAsync("a", new byte[10], ObjectCreateOptions.Default);
                    await store.TryCreateAsync("b", new byte[10], ObjectCreateOptions.Default);
                    await store.FlushAsync();
                    isFlushed = true;
                    await store.DeleteAsync(["b"]);
                    await store.TryCreateAsync("c", new byte[10], ObjectCreateOptions.Default);
                }
                catch (SimulatedCrashException)
                {
                    Assert.True(store.HasCrashed);
                }

                await Assert.ThrowsAsync<SimulatedCrashException>(async () => await store.GetInfoAsync("a"));
                Dictionary<string, byte[]> remains = store.Recover();
                Assert.True(!isFlushed || remains.ContainsKey("a"));
                Assert.True(step > 1 || !remains.ContainsKey("b"));
                isLostOnce |= !remains.ContainsKey("c") && step == 5;
                isKeptOnce |= remains.ContainsKey("c");
            }
        }

        Assert.True(isLostOnce && isKeptOnce);
    }

    protected override ValueTask<ObjectStore> OpenEmptyAsync() => ValueTask.FromResult<ObjectStore>(new CrashingObjectStore(1, long.MaxValue, false, null));
}
