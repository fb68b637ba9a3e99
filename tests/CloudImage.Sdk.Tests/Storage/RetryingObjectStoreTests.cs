using System;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Storage;

/// <summary>The whole conformance suite over a store that fails every third call, half the time after it did what it was asked.</summary>
public sealed class RetryingObjectStoreTests : ObjectStoreConformanceTests
{
    private static readonly ObjectRetryOptions s_options = new() { MaximumAttempts = 12, FirstDelay = TimeSpan.FromTicks(1), MaximumDelay = TimeSpan.FromMilliseconds(1) };

    private FaultyObjectStore? _faulty;

    protected override int RacingCreators => 16;

    [Fact]
    public async Task LastingFault_IsNotTriedAgain()
    {
        _faulty!.Faults = new StoreFaults { FailEvery = 1, IsTransient = false };
        int before = _faulty.FaultCount;
        await Assert.ThrowsAsync<ObjectStoreException>(async () => await Store.GetInfoAsync("x"));
        Assert.Equal(before + 1, _faulty.FaultCount);
    }

    [Fact]
    public async Task PassingFault_ThatDoesNotPass_EndsAfterTheAttempts()
    {
        _faulty!.Faults = new StoreFaults { FailEvery = 1, MayFailAfterDone = false };
        ObjectStoreException exception = await Assert.ThrowsAsync<ObjectStoreException>(async () => await Store.ReadAsync("x", new byte[1], 0));
        Assert.True(exception.IsTransient);
        Assert.Equal(12, _faulty.FaultCount);
        Assert.Throws<ObjectStoreException>(() => SyncBridge.Wait(Store.ReadAsync("x", new byte[1], 0, IoMode.Synchronous, default)));
    }

    [Fact]
    public async Task Create_WhoseAnswerWasLost_SucceedsForItsOwnContentOnly()
    {
        for (int round = 0; round < 100; round++)
        {
            Assert.True(await Store.TryCreateAsync($"mine/{round}", MakeContent(3000, round), ObjectCreateOptions.Default));
            Assert.False(await Store.TryCreateAsync($"mine/{round}", MakeContent(3000, round + 1), ObjectCreateOptions.Default));
            Assert.False(await Store.TryCreateAsync($"mine/{round}", MakeContent(2999, round), ObjectCreateOptions.Default));
        }

        Assert.True(_faulty!.FaultCount > 50);
    }

    [Fact]
    public async Task List_ThatBreaksOff_GoesOnWhereItWas()
    {
        string[] names = [.. Enumerable.Range(0, 50).Select(index => $"l/{index:d3}")];
        foreach (string name in names)
        {
            await Store.TryCreateAsync(name, new byte[1], ObjectCreateOptions.Default);
        }

        for (int round = 0; round < 20; round++)
        {
            Assert.Equal(names, await NamesAsync(Store, "l/", null));
        }
    }

    protected override ValueTask<ObjectStore> OpenEmptyAsync()
    {
        _faulty = new FaultyObjectStore(new MemoryObjectStore(), 42, new StoreFaults { FailEvery = 3 });
        return ValueTask.FromResult<ObjectStore>(new RetryingObjectStore(_faulty, s_options));
    }
}
