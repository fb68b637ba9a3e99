using System;
using System.Threading;
using System.Threading.Tasks;
using Azure.Storage;
using CloudImage.Sdk.Azure.Tests;
using CloudImage.Sdk.Tests.Support;
using Xunit;

[assembly: AssemblyFixture(typeof(AzuriteServer))]

namespace CloudImage.Sdk.Azure.Tests;

/// <summary>One Azurite for all tests of the assembly, started by the first that needs it.</summary>
public sealed class AzuriteServer : IAsyncDisposable
{
    private readonly SemaphoreSlim _starting = new(1, 1);
    private TestServer? _server;

    public async ValueTask<TestServer> GetAsync()
    {
        await _starting.WaitAsync();
        try
        {
            return _server ??= await TestServer.StartAsync("azurite", "node", "curl");
        }
        finally
        {
            _starting.Release();
        }
    }

    /// <summary>The account's address: http://127.0.0.1:PORT/devstoreaccount1.</summary>
    public async ValueTask<Uri> EndpointAsync() => new((await GetAsync())["endpoint"]);

    public async ValueTask<StorageSharedKeyCredential> KeyAsync()
    {
        TestServer server = await GetAsync();
        return new StorageSharedKeyCredential(server["account"], server["key"]);
    }

    /// <summary>A place that nobody has used.</summary>
    public async ValueTask<AzureBlobObjectStoreOptions> NewOptionsAsync(bool create) => new()
    {
        Endpoint = await EndpointAsync(),
        Container = $"c{Guid.NewGuid():n}",
        Prefix = "one/inner",
        Key = await KeyAsync(),
        CreateContainer = create,
    };

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        _starting.Dispose();
    }
}
