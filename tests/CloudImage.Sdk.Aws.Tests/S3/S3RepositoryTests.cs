using System;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Collection;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Storage;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Aws.Tests.S3;

/// <summary>Repositories on a real gateway.</summary>
public sealed class S3RepositoryTests(RgwServer server) : StoreRepositoryTests
{
    [Fact]
    public async Task Probe_OfTheStore_FindsItSafe()
    {
        await using ObjectStore store = await (await NewPlaceAsync())();
        StoreProbeResult result = await SnapshotRepository.ProbeAsync(store);
        Assert.True(result.IsSafe);
        Assert.Equal("ceph", store.Capabilities.Service);
        Assert.Contains("refused", store.Capabilities.AtomicCreateReason, StringComparison.Ordinal);
    }

    protected override async ValueTask<Func<Task<ObjectStore>>> NewPlaceAsync()
    {
        TestServer rgw = await server.GetAsync();
        S3ObjectStoreOptions options = RgwServer.Options(rgw, $"{Guid.NewGuid():n}", null);
        return async () => new RetryingObjectStore(await S3ObjectStore.OpenAsync(options), ObjectRetryOptions.Default);
    }
}
