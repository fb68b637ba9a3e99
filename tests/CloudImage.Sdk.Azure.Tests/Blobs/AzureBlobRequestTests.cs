using System;
using System.Collections.Generic;
using System.Linq;
using System.Security.Cryptography;
using System.Threading.Tasks;
using Azure;
using Azure.Core.Pipeline;
using Azure.Storage.Blobs;
using Azure.Storage.Sas;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Azure.Tests.Blobs;

/// <summary>Which requests the store makes, and how it takes what is out of order.</summary>
public sealed class AzureBlobRequestTests(AzuriteServer server)
{
    [Fact]
    public async Task TryCreate_IsOneRequestBelowItsLengthAndBlocksAbove()
    {
        await using FaultProxy proxy = new((await server.GetAsync()).Port);
        await using AzureBlobObjectStore store = await OpenAsync(await server.NewOptionsAsync(create: true), proxy, 5 << 20, null);
        byte[] content = RandomNumberGenerator.GetBytes((12 << 20) + 12345);
        int before = proxy.Count("PUT");
        Assert.True(await store.TryCreateAsync("m/one", content.AsMemory(0, (5 << 20) - 1), ObjectCreateOptions.Default));
        Assert.False(await store.TryCreateAsync("m/one", content.AsMemory(0, (5 << 20) - 1), ObjectCreateOptions.Default));
        Assert.Equal(2, proxy.Count("PUT") - before);
        Assert.True(await store.TryCreateAsync("m/long", content, ObjectCreateOptions.Default));
        Assert.Equal(2 + 3 + 1, proxy.Count("PUT") - before);
        Assert.False(await store.TryCreateAsync("m/long", content.AsMemory(1), ObjectCreateOptions.Default));
        byte[] read = new byte[content.Length + 1];
        Assert.Equal(content.Length, await store.ReadAsync("m/long", read, 0));
        Assert.Equal(content, read[..^1]);
    }

    [Fact]
    public async Task TryCreate_InBlocksByManyAtOnce_HasOneWinnerWhoseContentStays()
    {
        await using FaultProxy proxy = new((await server.GetAsync()).Port);
        await using RetryingObjectStore store = new(await OpenAsync(await server.NewOptionsAsync(create: true), proxy, 1 << 20, null), ObjectRetryOptions.Default);
        byte[][] contents = [.. Enumerable.Range(0, 8).Select(static index => RandomNumberGenerator.GetBytes((2 << 20) + index))];
        bool[] isWinner = await Task.WhenAll(contents.Select(async content => await store.TryCreateAsync("m/raced", content, ObjectCreateOptions.Default)));
        Assert.Equal(1, isWinner.Count(static won => won));
        byte[] expected = contents[Array.IndexOf(isWinner, true)];
        byte[] read = new byte[expected.Length + 1];
        Assert.Equal(expected.Length, await store.ReadAsync("m/raced", read, 0));
        Assert.Equal(expected, read[..^1]);
    }

    [Fact]
    public async Task List_OfSeveralPages_GoesOnWithoutBeginningAgain()
    {
        await using FaultProxy proxy = new((await server.GetAsync()).Port);
        await using AzureBlobObjectStore store = await OpenAsync(await server.NewOptionsAsync(create: true), proxy, 1 << 20, 100);
        string[] names = [.. Enumerable.Range(0, 210).Select(static index => $"many/{(index * 79) % 210:d5}")];
        await Parallel.ForEachAsync(names, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (name, token) =>
            Assert.True(await store.TryCreateAsync(name, ReadOnlyMemory<byte>.Empty, ObjectCreateOptions.Default, token)));
        int before = proxy.Count("GET");
        string[] sorted = [.. names.Order(StringComparer.Ordinal)];
        Assert.Equal(sorted, await NamesAsync(store, "many/", null));
        Assert.Equal(3, proxy.Count("GET") - before);
        Assert.Equal(sorted[151..], await NamesAsync(store, "many/", "many/00150"));
        Assert.Equal(5, proxy.Count("GET") - before);
        Assert.Equal(sorted[205..], await NamesAsync(store, "many/", "many/00204"));
        Assert.Equal(6, proxy.Count("GET") - before);
        Assert.Empty(await NamesAsync(store, "many/", "manz"));
        Assert.Equal(6, proxy.Count("GET") - before);
        Assert.Equal(sorted, await NamesAsync(store, "many/", "a"));
    }

    [Fact]
    public async Task List_InTheOrderOfFolders_IsRefused()
    {
        // An account with a hierarchical namespace tells a folder's names before those that only begin like it.
        const string Body = """
            <?xml version="1.0" encoding="utf-8"?><EnumerationResults><Prefix/><MaxResults>5000</MaxResults><Blobs>
            <Blob><Name>a/b</Name><Properties><Content-Length>1</Content-Length></Properties></Blob>
            <Blob><Name>a-b</Name><Properties><Content-Length>1</Content-Length></Properties></Blob>
            </Blobs><NextMarker/></EnumerationResults>
            """;
        using FixedAnswer handler = new(Body);
        await using AzureBlobObjectStore store = await AzureBlobObjectStore.OpenAsync(new AzureBlobObjectStoreOptions
        {
            Endpoint = new Uri("https://account.blob.core.windows.net"), Container = "c", Signature = new AzureSasCredential("sig=x"), Transport = new HttpClientTransport(handler),
        });
        ObjectStoreException exception = await Assert.ThrowsAsync<ObjectStoreException>(async () => await NamesAsync(store, string.Empty, null));
        Assert.Contains("hierarchical namespace", exception.Message);
        Assert.False(exception.IsTransient);
    }

    [Fact]
    public async Task Signatures_AllowWhatTheySayAndNothingElse()
    {
        AzureBlobObjectStoreOptions options = await server.NewOptionsAsync(create: true);
        await using AzureBlobObjectStore owner = await AzureBlobObjectStore.OpenAsync(options);
        await owner.TryCreateAsync("s/one", new byte[5], ObjectCreateOptions.Default);
        BlobContainerClient container = new BlobServiceClient(options.Endpoint, await server.KeyAsync()).GetBlobContainerClient(options.Container);
        string signature = container.GenerateSasUri(BlobContainerSasPermissions.Read | BlobContainerSasPermissions.List, DateTimeOffset.UtcNow.AddHours(1)).Query.TrimStart('?');
        await using AzureBlobObjectStore reader = await OpenSignedAsync(options, signature);
        Assert.Equal(5, await reader.ReadAsync("s/one", new byte[10], 0));
        ObjectStoreException refused = await Assert.ThrowsAsync<ObjectStoreException>(async () => await reader.TryCreateAsync("s/two", new byte[5], ObjectCreateOptions.Default));
        Assert.Contains("answered 403", refused.Message);
        string more = signature.Replace("sp=rl", "sp=racwdl", StringComparison.Ordinal);
        Assert.NotEqual(signature, more);
        ObjectStoreException forged = await Assert.ThrowsAsync<ObjectStoreException>(async () => await OpenSignedAsync(options, more));
        Assert.Contains("answered 403", forged.Message);
        Assert.DoesNotContain("sig=", forged.ToString());
        Assert.False(forged.IsTransient);
    }

    private static async ValueTask<AzureBlobObjectStore> OpenSignedAsync(AzureBlobObjectStoreOptions options, string signature) => await AzureBlobObjectStore.OpenAsync(
        new AzureBlobObjectStoreOptions { Endpoint = options.Endpoint, Container = options.Container, Prefix = options.Prefix, Signature = new AzureSasCredential(signature) });

    private static async ValueTask<AzureBlobObjectStore> OpenAsync(AzureBlobObjectStoreOptions options, FaultProxy proxy, int singlePutLength, int? listPageLength) =>
        await AzureBlobObjectStore.OpenAsync(new AzureBlobObjectStoreOptions
        {
            Endpoint = new Uri(proxy.Address, options.Endpoint.AbsolutePath),
            Container = options.Container,
            Prefix = options.Prefix,
            Key = options.Key,
            CreateContainer = true,
            SinglePutLength = singlePutLength,
            ListPageLength = listPageLength,
        });

    private static async Task<List<string>> NamesAsync(ObjectStore store, string prefix, string? startAfter)
    {
        List<string> names = [];
        await foreach (ObjectInfo info in store.ListAsync(prefix, startAfter))
        {
            names.Add(info.Name);
        }

        return names;
    }

    private sealed class FixedAnswer(string body) : System.Net.Http.HttpMessageHandler
    {
        protected override Task<System.Net.Http.HttpResponseMessage> SendAsync(System.Net.Http.HttpRequestMessage request, System.Threading.CancellationToken cancellationToken) =>
            Task.FromResult(new System.Net.Http.HttpResponseMessage(System.Net.HttpStatusCode.OK)
            {
                Content = new System.Net.Http.StringContent(body, System.Text.Encoding.UTF8, "application/xml"),
                RequestMessage = request,
            });
    }
}
