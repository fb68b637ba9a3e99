using System;
using System.Net;
using System.Net.Http;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.OpenStack.Swift;

/// <summary>What a service of Swift says of itself, at its address <c>/info</c>; the defaults where it does not.</summary>
internal sealed class SwiftServiceInfo
{
    private const long DefaultMaximumObjectLength = 5L << 30;

    /// <summary>The longest object in one piece, in bytes.</summary>
    public long MaximumObjectLength { get; private init; } = DefaultMaximumObjectLength;

    /// <summary>How many objects one request deletes; 0: there is no such request.</summary>
    public int MaximumBulkDelete { get; private init; }

    public static async Task<SwiftServiceInfo> AskAsync(OpenStackConnection connection, Uri account, CancellationToken cancellationToken)
    {
        string text = account.ToString();
        int version = text.IndexOf("/v1", StringComparison.Ordinal);
        using HttpRequestMessage request = new(HttpMethod.Get, (version < 0 ? account.GetLeftPart(UriPartial.Authority) : text[..version]) + "/info");
        using HttpResponseMessage response = await connection.SendAnonymousAsync(request, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode != HttpStatusCode.OK)
        {
            // Many operators hide it. A passing fault must not decide how the store works from now on.
            return OpenStackHttp.IsTransient((int)response.StatusCode)
                ? throw await OpenStackHttp.FaultAsync("what it can do", response, cancellationToken).ConfigureAwait(false)
                : new SwiftServiceInfo();
        }

        using JsonDocument body = await OpenStackHttp.ReadJsonAsync(response, cancellationToken).ConfigureAwait(false);
        long length = OpenStackHttp.TryGet(body.RootElement, "swift", JsonValueKind.Object, out JsonElement swift) && OpenStackHttp.Number(swift, "max_file_size") is > 0 and { } told
            ? told
            : DefaultMaximumObjectLength;
        bool hasBulk = OpenStackHttp.TryGet(body.RootElement, "bulk_delete", JsonValueKind.Object, out JsonElement bulk);
        return new SwiftServiceInfo
        {
            MaximumObjectLength = length,
            MaximumBulkDelete = hasBulk ? (int)Math.Clamp(OpenStackHttp.Number(bulk, "max_deletes_per_request") ?? 1000, 0, 10_000) : 0,
        };
    }
}
