using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Storage;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Aws.Tests.S3;

/// <summary>The store on a real Ceph object gateway.</summary>
public sealed class S3ObjectStoreRgwTests(RgwServer server) : ObjectStoreConformanceTests
{
    private readonly List<ObjectStore> _opened = [];
    private S3ObjectStoreOptions? _options;

    protected override int RacingCreators => 16;

    protected override int RacedNames => 15;

    public override async ValueTask DisposeAsync()
    {
        foreach (ObjectStore store in _opened)
        {
            await store.DisposeAsync();
        }

        await base.DisposeAsync();
    }

    protected override async ValueTask<ObjectStore> OpenEmptyAsync()
    {
        _options = await server.NewOptionsAsync();
        return await OpenAsync();
    }

    protected override ValueTask<ObjectStore> ReopenAsync() => OpenAsync();

    [Fact]
    public async Task Open_ProbesOnceAndIsInvisible()
    {
        await using S3ObjectStore store = await S3ObjectStore.OpenAsync(_options!);
        Assert.True(store.Probe.HasAtomicCreate);
        Assert.True(store.Capabilities.HasAtomicCreate);
        Assert.Equal("ceph", store.Profile.Name);
        Assert.Empty(await NamesAsync(store, string.Empty, null));
        Assert.Contains($"s3://{RgwServer.Bucket}/", store.Location);
        Assert.DoesNotContain("SECRET", store.Location);
    }

    [Fact]
    public async Task TryCreate_OfAKnownChecksum_RefusesOtherContent()
    {
        byte[] content = MakeContent(100_000, 5);
        ObjectCreateOptions right = new() { Checksum = new ObjectChecksum(ObjectChecksumKind.Sha256, System.Security.Cryptography.SHA256.HashData(content)) };
        ObjectCreateOptions wrong = new() { Checksum = new ObjectChecksum(ObjectChecksumKind.Sha256, new byte[32]) };
        await using S3ObjectStore store = await S3ObjectStore.OpenAsync(_options!);
        ObjectStoreException exception = await Assert.ThrowsAsync<ObjectStoreException>(async () => await store.TryCreateAsync("c/o", content, wrong));
        Assert.True(exception.IsTransient);
        Assert.Contains("XAmzContentSHA256Mismatch", exception.Message);
        Assert.False(await store.ExistsAsync("c/o"));
        Assert.True(await store.TryCreateAsync("c/o", content, right));
        Assert.Equal(content, await ReadWholeAsync(store, "c/o"));
    }

    [Fact]
    public async Task TryCreate_InParts_IsReadBackWhole()
    {
        S3ObjectStoreOptions options = new()
        {
            Bucket = _options!.Bucket, Prefix = _options.Prefix, Endpoint = _options.Endpoint, Credentials = _options.Credentials,
            Profile = S3ServiceProfile.Ceph.WithConditionalMultipart(), SinglePutLength = 20 << 20,
        };
        await using S3ObjectStore store = await S3ObjectStore.OpenAsync(options);
        byte[] content = MakeContent((40 << 20) + 12345, 6);
        Assert.True(await store.TryCreateAsync("m/long", content, ObjectCreateOptions.Default));
        Assert.Equal(content, await ReadWholeAsync(store, "m/long"));
        Assert.True(await store.TryCreateAsync("m/short", content.AsMemory(0, 1000), ObjectCreateOptions.Default));
    }

    [Fact]
    public async Task TryCreate_OfALongObjectWithoutConditionalParts_IsOneRequestAndRefusesTheSecond()
    {
        TestServer rgw = await server.GetAsync();
        await using FaultProxy proxy = new(rgw.Port);
        S3ObjectStoreOptions options = RgwServer.Options(rgw, _options!.Prefix, proxy.Address);
        await using S3ObjectStore store = await S3ObjectStore.OpenAsync(options);
        byte[] content = MakeContent((65 << 20) + 1, 7);
        int before = proxy.Count("PUT");
        Assert.True(await store.TryCreateAsync("m/one", content, ObjectCreateOptions.Default));
        Assert.False(await store.TryCreateAsync("m/one", content, ObjectCreateOptions.Default));
        Assert.Equal(2, proxy.Count("PUT") - before);
        Assert.Equal(0, proxy.Count("POST"));
    }

    [Fact]
    public async Task List_OfThousands_IsPagedInOrder()
    {
        string[] names = [.. Enumerable.Range(0, 2300).Select(static index => $"many/{(index * 7919) % 2300:d5}")];
        await Parallel.ForEachAsync(names, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (name, token) =>
            Assert.True(await Store.TryCreateAsync(name, ReadOnlyMemory<byte>.Empty, ObjectCreateOptions.Default, token)));
        Assert.Equal(names.Order(StringComparer.Ordinal), await NamesAsync(Store, "many/", null));
        await Store.DeleteAsync([.. names, "many/never-there"]);
        Assert.Empty(await NamesAsync(Store, string.Empty, null));
    }

    [Fact]
    public async Task Open_OfAMissingBucket_SaysWhatToDo()
    {
        S3ObjectStoreOptions options = new() { Bucket = "never-made", Endpoint = _options!.Endpoint, Profile = S3ServiceProfile.Ceph, Credentials = RgwServer.Credentials };
        ObjectStoreException exception = await Assert.ThrowsAnyAsync<ObjectStoreException>(async () => await S3ObjectStore.OpenAsync(options));
        Assert.Contains("create-bucket=true", exception.Message);
        Assert.False(exception.IsTransient);
    }

    [Theory]
    [InlineData("TESTKEY", "wrong-secret-of-mine", "SignatureDoesNotMatch")]
    [InlineData("NOBODY", "wrong-secret-of-mine", "InvalidAccessKeyId")]
    public async Task Open_WithWrongCredentials_IsToldClearlyWithoutThem(string key, string secret, string code)
    {
        S3ObjectStoreOptions options = new()
        {
            Bucket = RgwServer.Bucket, Endpoint = _options!.Endpoint, Profile = S3ServiceProfile.Ceph, Credentials = new Amazon.Runtime.BasicAWSCredentials(key, secret),
        };
        ObjectStoreException exception = await Assert.ThrowsAnyAsync<ObjectStoreException>(async () => await S3ObjectStore.OpenAsync(options));
        Assert.Contains(code, exception.Message);
        Assert.DoesNotContain(secret, exception.ToString());
        Assert.False(exception.IsTransient);
    }

    private async ValueTask<ObjectStore> OpenAsync()
    {
        ObjectStore store = new RetryingObjectStore(await S3ObjectStore.OpenAsync(_options!), ObjectRetryOptions.Default);
        _opened.Add(store);
        return store;
    }
}
