using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.GoogleCloud.Gcs;
using CloudImage.Sdk.GoogleCloud.Tests.Fakes;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Storage;
using CloudImage.Sdk.Tests.Support;
using Google.Apis.Auth.OAuth2;
using Xunit;

namespace CloudImage.Sdk.GoogleCloud.Tests.Gcs;

/// <summary>What every store must do, on the fake that the vendor's client has checked; and what is Cloud Storage's own.</summary>
public sealed class GcsObjectStoreTests : ObjectStoreConformanceTests
{
    private readonly GcsFake _fake = new();

    protected override int RacedNames => 20;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _fake.DisposeAsync();
    }

    [Theory]
    [InlineData(1000)]
    [InlineData(1_000_000)]
    [InlineData(5_000_000)]
    [InlineData(4 << 20)]
    public async Task TryCreate_InPieces_KeepsEveryByte(int length)
    {
        await using GcsObjectStore store = await OpenSmallAsync();
        byte[] content = MakeContent(length, 1);
        Assert.True(await store.TryCreateAsync("p/pieces", content, ObjectCreateOptions.Default));
        Assert.Equal(content, await ReadWholeAsync(store, "p/pieces"));
        Assert.Contains(_fake.Requests, static request => request.Contains("uploadType=resumable", StringComparison.Ordinal));
        Assert.False(await store.TryCreateAsync("p/pieces", MakeContent(length, 2), ObjectCreateOptions.Default));
        Assert.Equal(content, await ReadWholeAsync(store, "p/pieces"));
    }

    /// <summary>The service may keep less of a piece than it was sent: the rest is sent again.</summary>
    [Fact]
    public async Task TryCreate_WhereTheServiceKeepsLessThanItIsSent_SendsTheRest()
    {
        int calls = 0;
        _fake.Keep = length => (++calls % 3) switch { 0 => length, 1 => length / 2, _ => 0 };
        await using GcsObjectStore store = await OpenSmallAsync();
        byte[] content = MakeContent(5_000_000, 3);
        Assert.True(await store.TryCreateAsync("p/partly", content, ObjectCreateOptions.Default));
        Assert.Equal(content, await ReadWholeAsync(store, "p/partly"));
        Assert.True(calls > 5);
    }

    [Fact]
    public async Task TryCreate_WhereTheServiceKeepsNothing_FailsInTheEnd()
    {
        _fake.Keep = static _ => 0;
        await using GcsObjectStore store = await OpenSmallAsync();
        ObjectStoreException exception = await Assert.ThrowsAsync<ObjectStoreException>(async () => await store.TryCreateAsync("p/never", MakeContent(2 << 20, 4), ObjectCreateOptions.Default));
        Assert.True(exception.IsTransient);
    }

    [Fact]
    public async Task TryCreate_WithASessionThatExpires_BeginsAnewOnce()
    {
        int puts = 0;
        _fake.Refuse = (method, path) =>
        {
            if (method == "PUT" && ++puts == 2)
            {
                _fake.ExpireSessions();
            }

            return 0;
        };
        await using GcsObjectStore store = await OpenSmallAsync();
        byte[] content = MakeContent(4 << 20, 5);
        Assert.True(await store.TryCreateAsync("p/expired", content, ObjectCreateOptions.Default));
        Assert.Equal(content, await ReadWholeAsync(store, "p/expired"));
        Assert.Equal(2, _fake.Requests.Count(static request => request.StartsWith("POST", StringComparison.Ordinal) && request.Contains("uploadType=resumable", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task TryCreate_InPiecesThroughFaults_KeepsEveryByte()
    {
        int count = 0;
        _fake.Refuse = (method, path) => method == "PUT" && ++count % 3 == 1 ? 503 : 0;
        await using GcsObjectStore store = await OpenSmallAsync();
        byte[] content = MakeContent(3 << 20, 6);
        Assert.True(await store.TryCreateAsync("p/faulty", content, ObjectCreateOptions.Default));
        Assert.Equal(content, await ReadWholeAsync(store, "p/faulty"));
    }

    [Theory]
    [InlineData(1000)]
    [InlineData(2 << 20)]
    public async Task TryCreate_WithAnotherChecksum_IsRefusedByTheService(int length)
    {
        await using GcsObjectStore store = await OpenSmallAsync();
        ObjectCreateOptions wrong = new() { Checksum = new ObjectChecksum(ObjectChecksumKind.Crc32C, [1, 2, 3, 4]) };
        ObjectStoreException exception = await Assert.ThrowsAsync<ObjectStoreException>(async () => await store.TryCreateAsync("m/wrong", new byte[length], wrong));
        Assert.False(exception.IsTransient);
        Assert.Contains("announced", exception.Message, StringComparison.Ordinal);
        Assert.False(await store.ExistsAsync("m/wrong"));
    }

    [Fact]
    public async Task TryCreate_WithATemperature_ChoosesTheStorageClass()
    {
        _fake.AddBucket("classes");
        await using ObjectStore store = await OpenAsync("gs://classes?warm-class=STANDARD&cold-class=NEARLINE");
        await store.TryCreateAsync("warm", new byte[1], new ObjectCreateOptions { Temperature = ObjectTemperature.Warm });
        await store.TryCreateAsync("cold", new byte[1], new ObjectCreateOptions { Temperature = ObjectTemperature.Cold });
        Assert.Equal(("STANDARD", "NEARLINE"), (_fake.Find("classes", "warm")!.StorageClass, _fake.Find("classes", "cold")!.StorageClass));
    }

    [Fact]
    public async Task GetInfo_TellsTheCrc32C()
    {
        byte[] content = MakeContent(1000, 8);
        await Store.TryCreateAsync("c/sum", content, ObjectCreateOptions.Default);
        byte[] expected = BitConverter.GetBytes(Crc32C.HashToUInt32(content));
        Array.Reverse(expected);
        Assert.Equal(new ObjectChecksum(ObjectChecksumKind.Crc32C, expected), (await Store.GetInfoAsync("c/sum"))!.Checksum);
    }

    [Theory]
    [InlineData(408, true)]
    [InlineData(429, true)]
    [InlineData(500, true)]
    [InlineData(503, true)]
    [InlineData(403, false)]
    [InlineData(400, false)]
    [InlineData(501, false)]
    public async Task Fault_OfTheService_IsTransientOrNot(int status, bool isTransient)
    {
        await using GcsObjectStore store = await OpenSmallAsync();
        _fake.Refuse = (_, _) => status;
        ObjectStoreException exception = await Assert.ThrowsAsync<ObjectStoreException>(async () => await store.GetInfoAsync("x"));
        Assert.Equal(isTransient, exception.IsTransient);
        Assert.Equal("x", exception.ObjectName);
    }

    [Fact]
    public async Task Open_OfAMissingBucket_SaysWhatToDo()
    {
        ObjectStoreException exception = await Assert.ThrowsAsync<ObjectStoreException>(async () => await OpenAsync("gs://never-made"));
        Assert.Contains("create-bucket=true", exception.Message, StringComparison.Ordinal);
        FormatException noProject = await Assert.ThrowsAsync<FormatException>(async () => await OpenAsync("gs://never-made?create-bucket=true"));
        Assert.Contains("project=", noProject.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Key_OfAServiceAccount_IsExchangedForATokenThatIsRenewedWhenItIsTakenBack()
    {
        _fake.RequiresToken = true;
        _fake.AddBucket("private");
        GoogleCredential credential = CredentialFactory.FromJson<ServiceAccountCredential>(_fake.Authority.MakeKeyFile(_fake.TokenAddress)).ToGoogleCredential()
            .CreateScoped("https://www.googleapis.com/auth/devstorage.read_write");
        using GoogleCloudConnection connection = new(new GoogleCloudConnectionOptions { Endpoint = _fake.Address, Credential = credential });
        await using GcsObjectStore store = await GcsObjectStore.OpenAsync(connection, new GcsObjectStoreOptions { Bucket = "private" });
        Assert.True(await store.TryCreateAsync("a", new byte[10], ObjectCreateOptions.Default));
        Assert.Equal(1, _fake.Authority.GivenTokens);
        _fake.Authority.RevokeAll();
        Assert.Equal(10, (await store.GetInfoAsync("a"))!.Length);
        Assert.Equal(2, _fake.Authority.GivenTokens);
    }

    [Fact]
    public async Task Key_ThatIsNotKnown_IsRefusedWithoutTellingIt()
    {
        _fake.RequiresToken = true;
        _fake.AddBucket("private");
        string key = _fake.Authority.MakeForeignKeyFile(_fake.TokenAddress);
        GoogleCredential credential = CredentialFactory.FromJson<ServiceAccountCredential>(key).ToGoogleCredential().CreateScoped("https://www.googleapis.com/auth/devstorage.read_write");
        using GoogleCloudConnection connection = new(new GoogleCloudConnectionOptions { Endpoint = _fake.Address, Credential = credential });
        ObjectStoreException exception = await Assert.ThrowsAsync<ObjectStoreException>(async () => await GcsObjectStore.OpenAsync(connection, new GcsObjectStoreOptions { Bucket = "private" }));
        Assert.False(exception.IsTransient);
        Assert.Contains("Invalid JWT Signature", exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("PRIVATE KEY", exception.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task NoToken_WhereOneIsNeeded_IsAClearError()
    {
        _fake.RequiresToken = true;
        _fake.AddBucket("private");
        ObjectStoreException exception = await Assert.ThrowsAsync<ObjectStoreException>(async () => await OpenAsync("gs://private"));
        Assert.False(exception.IsTransient);
        Assert.Contains("401", exception.Message, StringComparison.Ordinal);
    }

    /// <summary>Resets, lost answers, damaged bodies and 503: every creation ends as it should, with the content that was sent.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Store_ThroughAFaultyNetwork_KeepsWhatItSaysItKeeps(int seed)
    {
        _fake.AddBucket("faulty");
        await using FaultProxy proxy = new(_fake.Port);
        await using ObjectStore store = await new GcsObjectStoreProvider().OpenAsync(ObjectStoreAddress.Parse($"gs://faulty/x?endpoint={proxy.Address.ToString().TrimEnd('/')}"));
        proxy.Choose = FaultProxy.Seeded(seed, 0.25, ProxyFault.ResetBeforeRequest, ProxyFault.ResetWithinRequest, ProxyFault.LoseResponse, ProxyFault.ResetWithinResponse, ProxyFault.TruncateResponse, ProxyFault.Unavailable, ProxyFault.UnavailableAfterRequest);
        for (int index = 0; index < 15; index++)
        {
            byte[] content = MakeContent(20_000 + index, (100 * seed) + index);
            Assert.True(await store.TryCreateAsync($"o/{index}", content, ObjectCreateOptions.Default), $"seed {seed}, object {index}");
            Assert.Equal(content, await ReadWholeAsync(store, $"o/{index}"));
            Assert.Equal(content, _fake.Find("faulty", $"x/o/{index}")!.Content);
        }

        Assert.Equal(15, (await NamesAsync(store, "o/", null)).Count);
        Assert.Contains(proxy.Requests, static request => request.Fault != ProxyFault.None);
    }

    /// <summary>A flipped bit on the way is noticed by the checksum, on either side, and the call made again.</summary>
    [Fact]
    public async Task DamagedBodies_AreNoticedAndSentAgain()
    {
        _fake.AddBucket("damaged");
        await using FaultProxy proxy = new(_fake.Port);
        await using ObjectStore store = await new GcsObjectStoreProvider().OpenAsync(ObjectStoreAddress.Parse($"gs://damaged?endpoint={proxy.Address.ToString().TrimEnd('/')}"));
        byte[] content = MakeContent(100_000, 77);
        proxy.Choose = static request => request.Method == "POST" && request.Number % 2 == 1 ? ProxyFault.CorruptRequest : ProxyFault.None;
        Assert.True(await store.TryCreateAsync("a", content, ObjectCreateOptions.Default));
        Assert.Equal(content, _fake.Find("damaged", "a")!.Content);
        int last = proxy.Requests.Count;
        proxy.Choose = request => request.Number == last ? ProxyFault.CorruptResponse : ProxyFault.None;
        byte[] read = new byte[content.Length + 1];
        Assert.Equal(content.Length, await store.ReadAsync("a", read, 0));
        Assert.Equal(content, read.Take(content.Length));
        Assert.Equal(last + 2, proxy.Requests.Count);
    }

    protected override async ValueTask<ObjectStore> OpenEmptyAsync() => await OpenAsync("gs://conformance/deep/prefix?create-bucket=true&project=p&page=200");

    protected override async ValueTask<ObjectStore> ReopenAsync() => await OpenAsync("gs://conformance/deep/prefix");

    private async Task<ObjectStore> OpenAsync(string address) =>
        await new GcsObjectStoreProvider().OpenAsync(ObjectStoreAddress.Parse($"{address}{(address.Contains('?') ? '&' : '?')}endpoint={_fake.Address.ToString().TrimEnd('/')}"));

    // Without the layer that repeats calls, and with pieces as short as they may be.
    private async Task<GcsObjectStore> OpenSmallAsync()
    {
        _fake.AddBucket("small");
        GoogleCloudConnection connection = new(new GoogleCloudConnectionOptions { Endpoint = _fake.Address });
        return await GcsObjectStore.OpenAsync(connection, new GcsObjectStoreOptions { Bucket = "small", SingleRequestLength = 999, PieceLength = 1 << 20 });
    }
}
