using System;
using System.Net.Http;
using System.Threading;
using System.Threading.Tasks;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.ResourceManager;

namespace CloudImage.Sdk.Azure.Tests.Fakes;

/// <summary>Clients of the resource manager that ask a fake. They insist on https, which is carried to loopback without encryption.</summary>
internal static class FakeManagers
{
    private static readonly Uri s_address = new("https://management.fake.invalid");

    public static ArmClient For(AzureFake fake, string token = AzureFake.Token)
    {
        ArmClientOptions options = new()
        {
            Environment = new ArmEnvironment(s_address, s_address.ToString()),
            Transport = new HttpClientTransport(new ToLoopback(fake.Port)),
        };
        options.Retry.MaxRetries = 3;
        options.Retry.Delay = TimeSpan.FromMilliseconds(10);
        return new ArmClient(new FakeCredential(token), "00000000-0000-0000-0000-000000000001", options);
    }

    private sealed class FakeCredential(string token) : TokenCredential
    {
        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) => new(token, DateTimeOffset.UtcNow.AddHours(1));

        public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) => ValueTask.FromResult(GetToken(requestContext, cancellationToken));
    }

    private sealed class ToLoopback(int port) : DelegatingHandler(new SocketsHttpHandler())
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            request.Headers.Host = request.RequestUri!.Host;
            request.RequestUri = new UriBuilder(request.RequestUri) { Scheme = "http", Host = "127.0.0.1", Port = port }.Uri;
            return base.SendAsync(request, cancellationToken);
        }
    }
}
