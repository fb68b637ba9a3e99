using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace CloudImage.Sdk.Azure.Tests.Blobs;

public sealed class AzureBlobObjectStoreProviderTests(AzuriteServer server)
{
    private static readonly ObjectRetryOptions s_once = new() { MaximumAttempts = 1 };

    [Theory]
    [InlineData("az://container")]
    [InlineData("az://container?account=a&tier=archive")]
    [InlineData("az://container?account=a&concurrency=0")]
    [InlineData("az://container?account=a&key=secret")]
    [InlineData("az://container?endpoint=ftp://x")]
    public async Task Open_OfAWrongAddress_SaysWhatWasExpected(string address)
    {
        AzureBlobObjectStoreProvider provider = new(s_once, static _ => null);
        FormatException exception = await Assert.ThrowsAsync<FormatException>(async () => await provider.OpenAsync(ObjectStoreAddress.Parse(address)));
        Assert.DoesNotContain("secret", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_WithAKeyThatIsNoBase64_DoesNotTellIt()
    {
        AzureBlobObjectStoreProvider provider = new(s_once, static name => name == "AZURE_STORAGE_KEY" ? "hidden!" : null);
        FormatException exception = await Assert.ThrowsAsync<FormatException>(async () => await provider.OpenAsync(ObjectStoreAddress.Parse("az://container?account=a")));
        Assert.DoesNotContain("hidden", exception.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_TakesTheKeyFromTheEnvironment()
    {
        TestServer azurite = await server.GetAsync();
        Dictionary<string, string> environment = new() { ["AZURE_STORAGE_ACCOUNT"] = azurite["account"], ["AZURE_STORAGE_KEY"] = azurite["key"] };
        await UseAsync(new AzureBlobObjectStoreProvider(s_once, environment.GetValueOrDefault), $"?endpoint={azurite["endpoint"]}&create-container=true");
    }

    [Fact]
    public async Task Open_TakesAllFromAConnectionString()
    {
        TestServer azurite = await server.GetAsync();
        string connection = $"DefaultEndpointsProtocol=http;AccountName={azurite["account"]};AccountKey={azurite["key"]};BlobEndpoint={azurite["endpoint"]};";
        await UseAsync(new AzureBlobObjectStoreProvider(s_once, name => name == "AZURE_STORAGE_CONNECTION_STRING" ? connection : null), "?create-container=true");
    }

    [Fact]
    public void AddCloudImageAzure_AddsItsScheme()
    {
        using ServiceProvider services = new ServiceCollection().AddCloudImageAzure().AddCloudImageAzure().AddCloudImage().BuildServiceProvider();
        ObjectStoreRegistry registry = services.GetRequiredService<ObjectStoreRegistry>();
        Assert.Equal(["az"], registry.Schemes);
    }

    private static async Task UseAsync(AzureBlobObjectStoreProvider provider, string parameters)
    {
        await using ObjectStore store = await provider.OpenAsync(ObjectStoreAddress.Parse($"az://c{Guid.NewGuid():n}/p{parameters}"));
        Assert.True(await store.TryCreateAsync("a", new byte[3], ObjectCreateOptions.Default));
        Assert.Equal(3, (await store.GetInfoAsync("a"))!.Length);
        Assert.DoesNotContain("key", store.Location, StringComparison.OrdinalIgnoreCase);
    }
}
