using System;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.GoogleCloud.Gcs;

/// <summary>
/// A resumable upload: a session to which an object is sent in pieces. After a fault the service is asked how much it keeps, which may be less
/// than was sent, and the rest is sent again.
/// </summary>
/// <remarks>One piece at a time. A piece ends at a multiple of 256 KiB unless it is the last.</remarks>
internal sealed class GcsResumableUpload
{
    /// <summary>What the length of every piece but the last is a multiple of.</summary>
    internal const int PieceUnit = 256 << 10;

    private const int MaximumFutileAttempts = 6;
    private const HttpStatusCode ResumeIncomplete = (HttpStatusCode)308;

    private readonly GoogleCloudConnection _connection;
    private readonly TimeSpan _timeout;
    private readonly Uri _session;

    private GcsResumableUpload(GoogleCloudConnection connection, TimeSpan timeout, Uri session)
    {
        _connection = connection;
        _timeout = timeout;
        _session = session;
    }

    /// <summary>The object, once the last piece is kept.</summary>
    public GcsObject? Result { get; private set; }

    /// <summary>Begins a session.</summary>
    /// <param name="connection">What makes the requests.</param>
    /// <param name="bucket">The bucket.</param>
    /// <param name="metadata">Name and further members of the object.</param>
    /// <param name="mayReplace">Whether an object of this name is replaced; otherwise the name must be free.</param>
    /// <param name="length">Length of the object in bytes; null where it is not known.</param>
    /// <param name="timeout">How long one request may take.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The session; null: an object of this name exists.</returns>
    public static Task<GcsResumableUpload?> BeginAsync(
        GoogleCloudConnection connection, string bucket, JsonObject metadata, bool mayReplace, long? length, TimeSpan timeout, CancellationToken cancellationToken)
    {
        string condition = mayReplace ? string.Empty : "&ifGenerationMatch=0";
        string address = $"{connection.Address}/upload/storage/v1/b/{Uri.EscapeDataString(bucket)}/o?uploadType=resumable{condition}&fields={GcsObject.Fields}";
        byte[] body = Encoding.UTF8.GetBytes(metadata.ToJsonString());
        return GcsCall.RunAsync(
            timeout,
            async token =>
            {
                using HttpResponseMessage response = await connection.SendAsync(
                    () =>
                    {
                        HttpRequestMessage request = new(HttpMethod.Post, address) { Content = new ByteArrayContent(body) };
                        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
                        request.Headers.TryAddWithoutValidation("X-Upload-Content-Type", "application/octet-stream");
                        if (length is { } known)
                        {
                            request.Headers.TryAddWithoutValidation("X-Upload-Content-Length", $"{known}");
                        }

                        return request;
                    },
                    token).ConfigureAwait(false);
                if (response.StatusCode == HttpStatusCode.PreconditionFailed)
                {
                    return null;
                }

                if (response.StatusCode != HttpStatusCode.OK)
                {
                    throw await GoogleCloudHttp.FaultAsync("a resumable upload", response, token).ConfigureAwait(false);
                }

                Uri session = response.Headers.Location is { IsAbsoluteUri: true } location && location.Scheme is "http" or "https"
                    ? response.Headers.Location!
                    : throw new GoogleCloudException("The service gave no address for a resumable upload: an answer with Location was expected.");
                return new GcsResumableUpload(connection, timeout, session);
            },
            cancellationToken);
    }

    /// <summary>Sends a piece until the service keeps all of it.</summary>
    /// <param name="piece">The bytes.</param>
    /// <param name="offset">Position of its first byte in the object; all before is kept.</param>
    /// <param name="total">Length of the object where this is its last piece; null otherwise.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Whether all is well; false: with the last piece the service found that an object of this name exists.</returns>
    /// <exception cref="GcsSessionExpiredException">The service has given the session up.</exception>
    /// <exception cref="GoogleCloudException">The service failed, again and again without taking a byte.</exception>
    public async Task<bool> SendAsync(ReadOnlyMemory<byte> piece, long offset, long? total, CancellationToken cancellationToken)
    {
        long end = offset + piece.Length;
        long kept = offset;
        int futile = 0;
        bool isKnown = true;
        bool wasQuestion = false;
        while (Result is null && (kept < end || total is not null))
        {
            long before = kept;
            try
            {
                // After a fault the service alone knows what it keeps.
                ReadOnlyMemory<byte> rest = piece[(int)(kept - offset)..];
                wasQuestion = !isKnown;
                PieceAnswer answer = isKnown
                    ? await PutAsync(rest, kept, total, cancellationToken).ConfigureAwait(false)
                    : await PutAsync(ReadOnlyMemory<byte>.Empty, -1, total, cancellationToken).ConfigureAwait(false);
                isKnown = true;
                if (answer.IsTaken)
                {
                    return false;
                }

                kept = answer.Kept;
            }
            catch (GoogleCloudException exception) when (exception.IsTransient)
            {
                isKnown = false;
                await PauseOrThrowAsync(exception, ++futile, cancellationToken).ConfigureAwait(false);
                continue;
            }

            if (Result is null && (kept < offset || kept > end))
            {
                throw new GoogleCloudException($"The service keeps {kept} bytes of an upload of which {offset} to {end} were sent.");
            }

            if (kept > before)
            {
                futile = 0;
            }
            else if (Result is null && !wasQuestion && (kept < end || total is not null))
            {
                futile++;
                await PauseOrThrowAsync(new GoogleCloudException($"The service kept none of the bytes at {kept} that were sent to it.") { IsTransient = true }, futile, cancellationToken).ConfigureAwait(false);
            }
        }

        return true;
    }

    /// <summary>Gives the session up: nothing of it stays.</summary>
    public Task<bool> CancelAsync(CancellationToken cancellationToken) =>
        GcsCall.RunAsync(
            _timeout,
            async token =>
            {
                using HttpResponseMessage response = await _connection.SendAsync(() => new HttpRequestMessage(HttpMethod.Delete, _session), token).ConfigureAwait(false);
                return true;
            },
            cancellationToken);

    private Task<PieceAnswer> PutAsync(ReadOnlyMemory<byte> bytes, long offset, long? total, CancellationToken cancellationToken) =>
        GcsCall.RunAsync(
            _timeout,
            async token =>
            {
                using HttpResponseMessage response = await _connection.SendAsync(() => MakePut(bytes, offset, total), token).ConfigureAwait(false);
                switch (response.StatusCode)
                {
                    case HttpStatusCode.OK or HttpStatusCode.Created:
                        using (JsonDocument body = await GoogleCloudHttp.ReadJsonAsync(response, token).ConfigureAwait(false))
                        {
                            Result = GcsObject.Read(body.RootElement);
                            return new PieceAnswer(Result.Length, false);
                        }

                    case ResumeIncomplete:
                        return new PieceAnswer(ReadKept(response), false);
                    case HttpStatusCode.PreconditionFailed:
                        return new PieceAnswer(0, true);
                    case HttpStatusCode.Gone or HttpStatusCode.NotFound:
                        throw new GcsSessionExpiredException($"The service has given up an upload (status {(int)response.StatusCode}).");
                    default:
                        throw await GoogleCloudHttp.FaultAsync("a piece of an upload", response, token).ConfigureAwait(false);
                }
            },
            cancellationToken);

    private HttpRequestMessage MakePut(ReadOnlyMemory<byte> bytes, long offset, long? total)
    {
        HttpRequestMessage request = new(HttpMethod.Put, _session) { Content = new ReadOnlyMemoryContent(bytes) };
        string whole = total is { } known ? $"{known}" : "*";
        request.Content.Headers.TryAddWithoutValidation("Content-Range", bytes.IsEmpty ? $"bytes */{whole}" : $"bytes {offset}-{offset + bytes.Length - 1}/{whole}");
        return request;
    }

    // Without a Range nothing is kept yet.
    private static long ReadKept(HttpResponseMessage response)
    {
        if (!response.Headers.TryGetValues("Range", out var values) && !response.Content.Headers.TryGetValues("Range", out values))
        {
            return 0;
        }

        string text = values.First();
        return text.StartsWith("bytes=0-", StringComparison.Ordinal) && long.TryParse(text.AsSpan(8), out long last) && last >= 0 && last < long.MaxValue
            ? last + 1
            : throw new GoogleCloudException($"The service answered an upload with the range '{text}': bytes=0-N was expected.");
    }

    private static async Task PauseOrThrowAsync(GoogleCloudException exception, int futile, CancellationToken cancellationToken)
    {
        if (futile >= MaximumFutileAttempts)
        {
            throw new GoogleCloudException($"{exception.Message} It was the same {futile} times.", exception) { StatusCode = exception.StatusCode, Reason = exception.Reason, IsTransient = true, RetryAfter = exception.RetryAfter };
        }

        await Task.Delay(GcsRetries.Delay(futile, exception.RetryAfter), cancellationToken).ConfigureAwait(false);
    }

    private readonly record struct PieceAnswer(long Kept, bool IsTaken);
}
