using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.OpenStack.Identity;
using CloudImage.Sdk.Storage;
using Xunit;

namespace CloudImage.Sdk.OpenStack.Tests.Identity;

/// <summary>When tokens are renewed, and what settings mean: without any server.</summary>
public sealed class OpenStackConnectionTests
{
    private static readonly DateTimeOffset s_start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(3600, 3299, 1)]
    [InlineData(3600, 3301, 2)]
    [InlineData(60, 44, 1)]
    [InlineData(60, 46, 2)]
    public async Task Token_IsRenewedAWhileBeforeItEnds(int lifeInSeconds, int ageInSeconds, int expectedTokens)
    {
        Clock clock = new();
        StubCredential credential = new(() => clock.Now + TimeSpan.FromSeconds(lifeInSeconds));
        using HttpClient client = new(new StubHandler(static _ => HttpStatusCode.OK));
        using OpenStackConnection connection = new(new OpenStackConnectionOptions { Credential = credential, HttpClient = client, TimeProvider = clock });
        (await SendAsync(connection)).Dispose();
        clock.Now += TimeSpan.FromSeconds(ageInSeconds);
        (await SendAsync(connection)).Dispose();
        Assert.Equal(expectedTokens, credential.Count);
    }

    /// <summary>Of many requests that need a token at once, one asks for it.</summary>
    [Fact]
    public async Task Token_WantedByManyAtOnce_IsAskedForOnce()
    {
        StubCredential credential = new(static () => null);
        using HttpClient client = new(new StubHandler(static _ => HttpStatusCode.OK));
        using OpenStackConnection connection = new(new OpenStackConnectionOptions { Credential = credential, HttpClient = client });
        foreach (HttpResponseMessage response in await Task.WhenAll(Enumerable.Range(0, 32).Select(_ => SendAsync(connection))))
        {
            response.Dispose();
        }

        Assert.Equal(1, credential.Count);
    }

    [Fact]
    public async Task Refusal_AfterARenewal_IsPassedOn()
    {
        StubCredential credential = new(static () => null);
        using HttpClient client = new(new StubHandler(static _ => HttpStatusCode.Unauthorized));
        using OpenStackConnection connection = new(new OpenStackConnectionOptions { Credential = credential, HttpClient = client });
        using HttpResponseMessage response = await SendAsync(connection);
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Equal(2, credential.Count);
    }

    [Fact]
    public async Task Anonymous_WithAnAddress_SendsNoToken()
    {
        using StubHandler handler = new(static request => request.Headers.Contains("X-Auth-Token") ? HttpStatusCode.BadRequest : HttpStatusCode.OK);
        using HttpClient client = new(handler);
        OpenStackConnectionOptions options = new() { HttpClient = client, Endpoints = new Dictionary<string, Uri> { ["image"] = new("http://127.0.0.1:1/image/") } };
        using OpenStackConnection connection = new(options);
        Assert.Equal("http://127.0.0.1:1/image", (await connection.GetEndpointAsync("image")).ToString());
        using HttpResponseMessage response = await SendAsync(connection);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        OpenStackException exception = await Assert.ThrowsAsync<OpenStackException>(async () => await connection.GetEndpointAsync("object-store"));
        Assert.Contains("its address has to be given", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("auth_url=http://k/v3", "a password")]
    [InlineData("auth_url=http://k/v3;application_credential_id=x", "its secret")]
    [InlineData("auth_url=http://k/v3;application_credential_name=x;application_credential_secret=y", "its user")]
    [InlineData("auth_url=ftp://k", "auth_url")]
    [InlineData("st_auth=http://s/auth/v1.0;st_user=a:b", "ST_KEY")]
    public void Settings_ThatLackSomething_SayWhat(string settings, string expected)
    {
        ArgumentException exception = Assert.Throws<ArgumentException>(() => OpenStackConnectionOptions.FromSettings(Parse(settings)));
        Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Address_ChangesTheEnvironment()
    {
        Dictionary<string, string> settings = Parse("auth_url=http://k/v3;username=u;password=p;st_user=a:b;st_key=c");
        ObjectStoreAddress address = ObjectStoreAddress.Parse("swift://c?auth=http%3A%2F%2Fs%2Fauth%2Fv1.0&endpoint=http://s/v1/AUTH_x&region=R&interface=internal");
        OpenStackConnectionOptions options = OpenStackAddress.Read(address, "object-store", settings);
        address.ThrowIfAnyLeft();
        Assert.Equal("user 'a:b' at http://s/auth/v1.0", options.Credential.ToString());
        Assert.Equal(("R", "internal"), (options.Region, options.Interface));
        Assert.Equal(new Uri("http://s/v1/AUTH_x"), options.Endpoints["object-store"]);
        Assert.Same(OpenStackCredential.Anonymous, OpenStackAddress.Read(ObjectStoreAddress.Parse("swift://c?auth=none"), "object-store", settings).Credential);
        Assert.Throws<FormatException>(() => OpenStackAddress.Read(ObjectStoreAddress.Parse("swift://c?auth=http://u:p@k"), "object-store", settings));
    }

    private static Task<HttpResponseMessage> SendAsync(OpenStackConnection connection) =>
        connection.SendAsync(static () => new HttpRequestMessage(HttpMethod.Get, "http://127.0.0.1:1/"), CancellationToken.None);

    private static Dictionary<string, string> Parse(string settings) =>
        settings.Split(';').Select(static pair => pair.Split('=', 2)).ToDictionary(static pair => pair[0], static pair => pair[1]);

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = s_start;

        public override DateTimeOffset GetUtcNow() => Now;
    }

    private sealed class StubCredential(Func<DateTimeOffset?> end) : OpenStackCredential
    {
        private int _count;

        public int Count => _count;

        public override async ValueTask<OpenStackToken> RequestTokenAsync(HttpClient client, CancellationToken cancellationToken = default)
        {
            await Task.Delay(20, cancellationToken);
            return new OpenStackToken($"token-{Interlocked.Increment(ref _count)}", end(), []);
        }
    }

    private sealed class StubHandler(Func<HttpRequestMessage, HttpStatusCode> answer) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(new HttpResponseMessage(answer(request)) { RequestMessage = request });
    }
}
