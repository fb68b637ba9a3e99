using System;
using System.IO;
using System.Threading.Tasks;
using Amazon.Runtime;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Aws.Tests.S3;

/// <summary>A server that ignores conditions on creations must not be taken for one that honours them.</summary>
public sealed class S3RverTests : IAsyncLifetime
{
    private TestServer? _server;

    public async ValueTask InitializeAsync()
    {
        if (!Directory.Exists(Path.Combine(RepositoryRoot.Path, "tests", "oracles", "node_modules", "s3rver")))
        {
            ExternalTool.SkipOrFail("s3rver is not installed: npm ci --prefix tests/oracles.");
        }

        _server = await TestServer.StartAsync("s3rver", "node", "curl");
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
    }

    [Theory]
    [InlineData("ceph")]
    [InlineData("minio")]
    public async Task Open_WithAProfileThatPromisesMore_IsRefused(string profile)
    {
        ObjectStoreException exception = await Assert.ThrowsAsync<ObjectStoreException>(async () => await S3ObjectStore.OpenAsync(Options(S3ServiceProfile.Find(profile))));
        Assert.Contains("created one name twice", exception.Message);
        Assert.False(exception.IsTransient);
    }

    [Fact]
    public async Task Open_OfAnUnknownService_DeclaresThatCreationIsNotAtomic()
    {
        await using S3ObjectStore store = await S3ObjectStore.OpenAsync(Options(null));
        Assert.Equal(S3ServiceProfile.Generic.Name, store.Profile.Name);
        Assert.False(store.Capabilities.HasAtomicCreate);
        Assert.Contains("created one name twice", store.Probe.Reason);

        // One creator after the other still finds what is there.
        Assert.True(await store.TryCreateAsync("a/b", new byte[] { 1 }, ObjectCreateOptions.Default));
        Assert.False(await store.TryCreateAsync("a/b", new byte[] { 2 }, ObjectCreateOptions.Default));
        byte[] buffer = new byte[2];
        Assert.Equal(1, await store.ReadAsync("a/b", buffer, 0));
        Assert.Equal(1, buffer[0]);
        await store.DeleteAsync(["a/b", "a/c"]);
        Assert.False(await store.ExistsAsync("a/b"));
    }

    private S3ObjectStoreOptions Options(S3ServiceProfile? profile) => new()
    {
        Bucket = _server!["bucket"],
        Prefix = $"{Guid.NewGuid():n}",
        Endpoint = new Uri(_server["endpoint"]),
        Profile = profile,
        Credentials = new BasicAWSCredentials(_server["access"], _server["secret"]),
    };
}
