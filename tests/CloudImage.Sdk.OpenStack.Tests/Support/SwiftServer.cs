using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using CloudImage.Sdk.OpenStack.Identity;
using CloudImage.Sdk.OpenStack.Swift;
using CloudImage.Sdk.OpenStack.Tests.Support;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Support;
using Xunit;

[assembly: AssemblyFixture(typeof(SwiftServer))]

namespace CloudImage.Sdk.OpenStack.Tests.Support;

/// <summary>The one Swift of this assembly's tests: Debian's, with TempAuth, started by the first test that asks.</summary>
public sealed class SwiftServer : IAsyncDisposable
{
    private readonly Lazy<Task<TestServer>> _server = new(static () =>
        TestServer.StartAsync("swift", "swift-proxy-server", "swift-object-server", "swift-container-server", "swift-account-server", "swift-ring-builder", "memcached", "curl", "python3"));

    private int _containers;

    public Task<TestServer> StartAsync()
    {
        // A missing tool skips each test that asks, not only the first one.
        foreach (string tool in (string[])["swift-proxy-server", "memcached"])
        {
            ExternalTool.Require(tool);
        }

        return _server.Value;
    }

    /// <summary>A name that no other test has.</summary>
    public string NewContainer() => $"tests-{System.Threading.Interlocked.Increment(ref _containers)}";

    public async Task<OpenStackConnection> ConnectAsync()
    {
        TestServer server = await StartAsync();
        return new OpenStackConnection(new OpenStackConnectionOptions { Credential = new TempAuthCredential(new Uri(server["auth"]), server["user"], server["key"]) });
    }

    /// <summary>What the environment would hold.</summary>
    public async Task<Dictionary<string, string>> SettingsAsync()
    {
        TestServer server = await StartAsync();
        return new(StringComparer.Ordinal) { ["st_auth"] = server["auth"], ["st_user"] = server["user"], ["st_key"] = server["key"] };
    }

    /// <summary>Opens a store through its provider, as the command line does.</summary>
    public async Task<ObjectStore> OpenAsync(string address)
    {
        Dictionary<string, string> settings = await SettingsAsync();
        return await new SwiftObjectStoreProvider(() => new Dictionary<string, string>(settings, StringComparer.Ordinal)).OpenAsync(ObjectStoreAddress.Parse(address));
    }

    public async ValueTask DisposeAsync()
    {
        if (_server.IsValueCreated && _server.Value.IsCompletedSuccessfully)
        {
            await (await _server.Value).DisposeAsync();
        }
    }
}
