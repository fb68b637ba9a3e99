using System;
using System.Collections.Generic;
using System.Security.Cryptography;
using System.Threading.Tasks;
using Azure;
using Azure.Storage;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Storage;
using Xunit;

namespace CloudImage.Sdk.Azure.Tests.Blobs;

/// <summary>The store on Azurite.</summary>
public sealed class AzureBlobObjectStoreTests(AzuriteServer server) : ObjectStoreConformanceTests
{
    private readonly List<ObjectStore> _opened = [];
    private AzureBlobObjectStoreOptions? _options;

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

    [Fact]
    public async Task TryCreate_OfAKnownChecksum_RefusesOtherContent()
    {
        byte[] content = RandomNumberGenerator.GetBytes(100_000);
        await using AzureBlobObjectStore store = await AzureBlobObjectStore.OpenAsync(_options!);
#pragma warning disable CA5351 // The checksum of the service, against accidents.
        ObjectCreateOptions right = new() { Checksum = new ObjectChecksum(ObjectChecksumKind.Md5, MD5.HashData(content)) };
#pragma warning restore CA5351
        ObjectCreateOptions wrong = new() { Checksum = new ObjectChecksum(ObjectChecksumKind.Md5, new byte[16]) };
        ObjectStoreException exception = await Assert.ThrowsAsync<ObjectStoreException>(async () => await store.TryCreateAsync("c/o", content, wrong));
        Assert.Contains("checksum", exception.Message, StringComparison.Ordinal);
        Assert.Null(await store.GetInfoAsync("c/o"));
        Assert.True(await store.TryCreateAsync("c/o", content, right));
        Assert.Equal(right.Checksum, (await store.GetInfoAsync("c/o"))!.Checksum);
    }

    [Fact]
    public async Task TryCreate_WithoutAChecksum_KeepsTheMd5OfTheContent()
    {
        byte[] content = RandomNumberGenerator.GetBytes(5_000_000);
        await using AzureBlobObjectStore store = await AzureBlobObjectStore.OpenAsync(_options!);
        Assert.True(await store.TryCreateAsync("c/p", content, ObjectCreateOptions.Default));
#pragma warning disable CA5351
        Assert.Equal(new ObjectChecksum(ObjectChecksumKind.Md5, MD5.HashData(content)), (await store.GetInfoAsync("c/p"))!.Checksum);
#pragma warning restore CA5351
    }

    [Fact]
    public async Task Open_OfAContainerThatIsNotThere_SaysHowToMakeIt()
    {
        AzureBlobObjectStoreOptions options = await server.NewOptionsAsync(create: false);
        ObjectStoreException exception = await Assert.ThrowsAsync<ObjectStoreException>(async () => await AzureBlobObjectStore.OpenAsync(options));
        Assert.False(exception.IsTransient);
        Assert.Contains("create-container=true", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_WithAWrongKey_IsRefusedWithoutTellingIt()
    {
        string wrong = Convert.ToBase64String(new byte[64]);
        AzureBlobObjectStoreOptions known = await server.NewOptionsAsync(create: true);
        AzureBlobObjectStoreOptions options = new() { Endpoint = known.Endpoint, Container = known.Container, Key = new StorageSharedKeyCredential("devstoreaccount1", wrong) };
        ObjectStoreException exception = await Assert.ThrowsAsync<ObjectStoreException>(async () => await AzureBlobObjectStore.OpenAsync(options));
        Assert.False(exception.IsTransient);
        Assert.Contains("403", exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(wrong[..16], exception.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_OfAServiceThatIsNotThere_IsAPassingFault()
    {
        AzureBlobObjectStoreOptions options = new() { Endpoint = new Uri("http://127.0.0.1:9/account"), Container = "c", Signature = new AzureSasCredential("sig=hidden") };
        ObjectStoreException exception = await Assert.ThrowsAsync<ObjectStoreException>(async () => await AzureBlobObjectStore.OpenAsync(options));
        Assert.True(exception.IsTransient, exception.Message);
        Assert.DoesNotContain("hidden", exception.Message, StringComparison.Ordinal);
    }

    protected override async ValueTask<ObjectStore> OpenEmptyAsync()
    {
        _options = await server.NewOptionsAsync(create: true);
        return await ReopenAsync();
    }

    protected override async ValueTask<ObjectStore> ReopenAsync()
    {
        AzureBlobObjectStore store = await AzureBlobObjectStore.OpenAsync(_options!);
        _opened.Add(store);
        return store;
    }
}
