using System.Net.Http;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.OpenStack.Glance;

/// <summary>Passes requests without a body on to a connection, which adds the token.</summary>
internal sealed class ConnectionHandler(OpenStackConnection connection) : HttpMessageHandler
{
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
        connection.SendAsync(
            () =>
            {
                HttpRequestMessage copy = new(request.Method, request.RequestUri);
                foreach (var header in request.Headers)
                {
                    copy.Headers.TryAddWithoutValidation(header.Key, header.Value);
                }

                return copy;
            },
            cancellationToken);
}
