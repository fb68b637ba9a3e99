using System;
using System.Diagnostics.CodeAnalysis;
using System.IO;
using System.Net;
using System.Net.Http;
using System.Text;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.GoogleCloud;

/// <summary>Answers of the service: their bodies within limits, their faults as exceptions.</summary>
internal static class GoogleCloudHttp
{
    /// <summary>The longest answer that is read as JSON; a page of 1000 objects has about 1 MB.</summary>
    private const int MaximumJsonLength = 64 << 20;
    private const int MaximumMessageLength = 300;

    public static async Task<JsonDocument> ReadJsonAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        byte[] body = await ReadAsync(response, MaximumJsonLength, cancellationToken).ConfigureAwait(false)
            ?? throw new GoogleCloudException($"The service answered with more than {MaximumJsonLength} bytes, which is no answer to what was asked.");
        try
        {
            return JsonDocument.Parse(body);
        }
        catch (JsonException exception)
        {
            throw new GoogleCloudException($"The service answered what is no JSON (near byte {exception.BytePositionInLine} of line {exception.LineNumber}).", exception);
        }
    }

    /// <summary>What an answer that is no success means.</summary>
    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "The reason is an extra: that it cannot be read must not hide the fault that it explains.")]
    public static async Task<GoogleCloudException> FaultAsync(string what, HttpResponseMessage response, CancellationToken cancellationToken)
    {
        (string? reason, string message) = (null, string.Empty);
        try
        {
            (reason, message) = ReadReason(await ReadAsync(response, 1 << 20, cancellationToken).ConfigureAwait(false) ?? []);
        }
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
        {
            message = "the body of the answer broke off";
        }

        int status = (int)response.StatusCode;
        return new GoogleCloudException($"Cloud Storage answered {status} ({reason ?? response.ReasonPhrase}) when asked for {what}{(message.Length == 0 ? "." : ": " + message)}")
        {
            StatusCode = response.StatusCode,
            Reason = reason,
            IsTransient = IsTransient(status) || (response.StatusCode == HttpStatusCode.Forbidden && reason is "rateLimitExceeded" or "userRateLimitExceeded"),
            RetryAfter = RetryAfter(response),
        };
    }

    public static bool IsTransient(int status) => status is 408 or 429 or >= 500 and not 501 and not 505;

    /// <summary>Whether a failure to talk to the service may pass. A certificate that is not trusted will not become so.</summary>
    public static bool IsTransient(Exception exception) => exception is not HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError or HttpRequestError.UserAuthenticationError };

    public static bool TryGet(JsonElement element, string name, JsonValueKind kind, out JsonElement value)
    {
        value = default;
        return element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out value) && value.ValueKind == kind;
    }

    public static string? Text(JsonElement element, string name) => TryGet(element, name, JsonValueKind.String, out JsonElement value) ? value.GetString() : null;

    private static TimeSpan? RetryAfter(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } when date > TimeProvider.System.GetUtcNow() => date - TimeProvider.System.GetUtcNow(),
        _ => null,
    };

    private static (string? Reason, string Message) ReadReason(byte[] body)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(body);
            if (TryGet(document.RootElement, "error", JsonValueKind.Object, out JsonElement error))
            {
                string? reason = TryGet(error, "errors", JsonValueKind.Array, out JsonElement errors) && errors.GetArrayLength() > 0 ? Text(errors[0], "reason") : null;
                return (reason, Shorten(Text(error, "message") ?? string.Empty));
            }
        }
        catch (JsonException)
        {
            // Some answers, those about expired sessions above all, are plain text.
        }

        return (null, Shorten(Encoding.UTF8.GetString(body)));
    }

    private static string Shorten(string text)
    {
        string line = string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return line.Length <= MaximumMessageLength ? line : line[..MaximumMessageLength] + "...";
    }

    private static async Task<byte[]?> ReadAsync(HttpResponseMessage response, int limit, CancellationToken cancellationToken)
    {
        using MemoryStream copy = new();
        Stream body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await using (body.ConfigureAwait(false))
        {
            byte[] buffer = new byte[16 << 10];
            for (int count; (count = await body.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0;)
            {
                if (copy.Length + count > limit)
                {
                    return null;
                }

                copy.Write(buffer, 0, count);
            }
        }

        return copy.ToArray();
    }
}
