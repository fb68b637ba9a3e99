using System;
using System.Threading.Tasks;
using CloudImage.Sdk.OpenStack.Identity;
using CloudImage.Sdk.OpenStack.Tests.Support;
using CloudImage.Sdk.Tests.Support;
using Xunit;

[assembly: AssemblyFixture(typeof(KeystoneServer))]

namespace CloudImage.Sdk.OpenStack.Tests.Support;

/// <summary>The one Keystone of this assembly's tests, and the Glance that takes its tokens: Debian's, started by the first test that asks.</summary>
public sealed class KeystoneServer : IAsyncDisposable
{
    private readonly Lazy<Task<TestServer>> _server = new(static () =>
        TestServer.StartAsync("keystone", "keystone-manage", "keystone-wsgi-public", "glance-api", "glance-manage", "curl", "python3"));

    public Task<TestServer> StartAsync()
    {
        foreach (string tool in (string[])["keystone-manage", "glance-api"])
        {
            ExternalTool.Require(tool);
        }

        return _server.Value;
    }

    public async Task<KeystoneOptions> ApplicationCredentialAsync()
    {
        TestServer server = await StartAsync();
        return new KeystoneOptions
        {
            AuthUrl = new Uri(server["auth"]),
            ApplicationCredentialId = server["credential_id"],
            ApplicationCredentialSecret = server["credential_secret"],
        };
    }

    public async Task<OpenStackConnection> ConnectAsync() => new(new OpenStackConnectionOptions
    {
        Credential = new KeystoneCredential(await ApplicationCredentialAsync()),
        Region = "RegionOne",
    });

    public async ValueTask DisposeAsync()
    {
        if (_server.IsValueCreated && _server.Value.IsCompletedSuccessfully)
        {
            await (await _server.Value).DisposeAsync();
        }
    }
}
