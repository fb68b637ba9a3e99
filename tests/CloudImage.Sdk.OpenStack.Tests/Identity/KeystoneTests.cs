using System;
using System.Collections.Generic;
using System.Net;
using System.Net.Http;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.OpenStack.Identity;
using CloudImage.Sdk.OpenStack.Tests.Support;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.OpenStack.Tests.Identity;

/// <summary>Tokens and the catalog, from Debian's Keystone.</summary>
public sealed class KeystoneTests(KeystoneServer server)
{
    [Fact]
    public async Task ApplicationCredential_ById_GivesATokenAndTheCatalog()
    {
        using HttpClient client = new();
        OpenStackToken token = await new KeystoneCredential(await server.ApplicationCredentialAsync()).RequestTokenAsync(client);
        Assert.NotNull(token.Value);
        Assert.InRange(token.ExpiresAt!.Value - TimeProvider.System.GetUtcNow(), TimeSpan.FromMinutes(50), TimeSpan.FromMinutes(70));
        Assert.Contains(token.Endpoints, static endpoint => endpoint is { ServiceType: "image", Interface: "public", Region: "RegionOne" });
        Assert.DoesNotContain(token.Value, token.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ApplicationCredential_ByNameAndUser_GivesAToken()
    {
        TestServer running = await server.StartAsync();
        using HttpClient client = new();
        KeystoneOptions options = new()
        {
            AuthUrl = new Uri(running["auth"] + "/v3/"),
            ApplicationCredentialName = "tests",
            ApplicationCredentialSecret = running["credential_secret"],
            UserId = running["user_id"],
        };
        Assert.NotNull((await new KeystoneCredential(options).RequestTokenAsync(client)).Value);
    }

    [Fact]
    public async Task Password_FromSettings_GivesATokenForTheProject()
    {
        TestServer running = await server.StartAsync();
        OpenStackConnectionOptions options = OpenStackConnectionOptions.FromSettings(new Dictionary<string, string>
        {
            ["auth_url"] = running["auth"],
            ["username"] = running["user"],
            ["password"] = running["password"],
            ["project_name"] = running["project"],
            ["user_domain_id"] = "default",
            ["project_domain_name"] = "Default",
            ["region_name"] = "RegionOne",
            ["interface"] = "publicURL",
        });
        using OpenStackConnection connection = new(options);
        Assert.Equal(new Uri(running["endpoint"]), await connection.GetEndpointAsync("image"));
    }

    [Fact]
    public async Task Catalog_IsChosenFromByRegionAndInterface()
    {
        KeystoneCredential credential = new(await server.ApplicationCredentialAsync());
        using OpenStackConnection elsewhere = new(new OpenStackConnectionOptions { Credential = credential, Region = "RegionNowhere" });
        Assert.Equal(1, (await elsewhere.GetEndpointAsync("image")).Port);
        using OpenStackConnection inside = new(new OpenStackConnectionOptions { Credential = credential, Region = "RegionOne", Interface = "internal" });
        Assert.Equal(2, (await inside.GetEndpointAsync("image")).Port);
        OpenStackException missing = await Assert.ThrowsAsync<OpenStackException>(async () => await inside.GetEndpointAsync("object-store"));
        Assert.Contains("object-store (internal, RegionOne)", missing.Message, StringComparison.Ordinal);
        Assert.Contains("image (public, RegionNowhere)", missing.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WrongSecret_IsRefusedWithoutTellingIt()
    {
        KeystoneOptions right = await server.ApplicationCredentialAsync();
        KeystoneOptions wrong = new() { AuthUrl = right.AuthUrl, ApplicationCredentialId = right.ApplicationCredentialId, ApplicationCredentialSecret = "not-the-secret" };
        using HttpClient client = new();
        OpenStackException exception = await Assert.ThrowsAsync<OpenStackException>(async () => await new KeystoneCredential(wrong).RequestTokenAsync(client));
        Assert.Equal(HttpStatusCode.Unauthorized, exception.StatusCode);
        Assert.False(exception.IsTransient);
        Assert.Contains(right.ApplicationCredentialId!, exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("not-the-secret", exception + wrong.ToString() + new KeystoneCredential(wrong), StringComparison.Ordinal);
    }

    /// <summary>A token that was taken back is renewed at the first answer 401, and the request made once more.</summary>
    [Fact]
    public async Task RevokedToken_IsRenewedAtTheFirstRefusal()
    {
        TestServer running = await server.StartAsync();
        CountingCredential credential = new(new KeystoneCredential(await server.ApplicationCredentialAsync()));
        using OpenStackConnection connection = new(new OpenStackConnectionOptions { Credential = credential, Region = "RegionOne" });
        string address = running["auth"] + "/v3/auth/projects";
        using (HttpResponseMessage first = await connection.SendAsync(() => new HttpRequestMessage(HttpMethod.Get, address), default))
        {
            Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        }

        using HttpClient client = new();
        using (HttpRequestMessage revoke = new(HttpMethod.Delete, running["auth"] + "/v3/auth/tokens"))
        {
            revoke.Headers.Add("X-Auth-Token", credential.Last!.Value);
            revoke.Headers.Add("X-Subject-Token", credential.Last.Value);
            Assert.Equal(HttpStatusCode.NoContent, (await client.SendAsync(revoke)).StatusCode);
        }

        using HttpResponseMessage second = await connection.SendAsync(() => new HttpRequestMessage(HttpMethod.Get, address), default);
        Assert.Equal(HttpStatusCode.OK, second.StatusCode);
        Assert.Equal(2, credential.Count);
    }

    /// <summary>Passes on to another credential, and counts.</summary>
    private sealed class CountingCredential(OpenStackCredential inner) : OpenStackCredential
    {
        public int Count { get; private set; }

        public OpenStackToken? Last { get; private set; }

        public override async ValueTask<OpenStackToken> RequestTokenAsync(HttpClient client, CancellationToken cancellationToken = default)
        {
            Count++;
            return Last = await inner.RequestTokenAsync(client, cancellationToken);
        }
    }
}
