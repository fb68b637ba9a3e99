using System.Threading.Tasks;
using CloudImage.Sdk.Storage;
using Xunit;

namespace CloudImage.Sdk.Tests.Storage;

public sealed class CountingObjectStoreTests : ObjectStoreConformanceTests
{
    [Fact]
    public async Task Statistics_CountEachKind()
    {
        var store = (CountingObjectStore)Store;
        await store.TryCreateAsync("a/1", new byte[100], ObjectCreateOptions.Default);
        await store.TryCreateAsync("a/1", new byte[100], ObjectCreateOptions.Default);
        await using (ObjectUpload upload = await store.BeginCreateAsync("a/2", ObjectCreateOptions.Default))
        {
            await upload.AppendAsync(new byte[30]);
            await upload.AppendAsync(new byte[20]);
            await upload.CompleteAsync();
        }

        await store.ReadAsync("a/1", new byte[1000], 10);
        await Assert.ThrowsAsync<ObjectNotFoundException>(async () => await store.ReadAsync("a/9", new byte[1000], 10));
        await store.GetInfoAsync("a/1");
        await ListAsync(store, "a/", null);
        await store.DeleteAsync(["a/1", "a/2"]);
        await store.FlushAsync();

        ObjectStoreStatistics statistics = store.GetStatistics();
        Assert.Equal(
            (3, 1, 2, 1, 1, 2, 2, 1, 0, 250, 90),
            (statistics.Creates, statistics.Conflicts, statistics.Reads, statistics.Infos, statistics.Lists, statistics.ListedObjects, statistics.Deletes, statistics.Flushes, statistics.Faults, statistics.BytesWritten, statistics.BytesRead));
    }

    protected override ValueTask<ObjectStore> OpenEmptyAsync() => ValueTask.FromResult<ObjectStore>(new CountingObjectStore(new MemoryObjectStore()));
}
