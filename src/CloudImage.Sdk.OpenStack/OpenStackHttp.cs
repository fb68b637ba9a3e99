using System;
using System.Diagnostics.CodeAnalysis;
using System.IO;
using System.Net.Http;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.OpenStack;

/// <summary>Answers of the services: their bodies within limits, their faults as exceptions.</summary>
internal static class OpenStackHttp
{
    /// <summary>The longest answer that is read as JSON; a page of a listing of 10,000 objects with names of 512 characters has about 7 MB.</summary>
    private const int MaximumJsonLength = 64 << 20;
    private const int MaximumReasonLength = 300;

    /// <summary>Reads a body that is JSON.</summary>
    public static async Task<JsonDocument> ReadJsonAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        byte[] body = await ReadAsync(response, MaximumJsonLength, cancellationToken).ConfigureAwait(false);
        try
        {
            return JsonDocument.Parse(body);
        }
        catch (JsonException exception)
        {
            throw new OpenStackException($"{Place(response)} answered what is no JSON (near byte {exception.BytePositionInLine} of line {exception.LineNumber}).", exception);
        }
    }

    /// <summary>What an answer that is no success means.</summary>
    /// <param name="what">What was asked for.</param>
    /// <param name="response">The answer.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<OpenStackException> FaultAsync(string what, HttpResponseMessage response, CancellationToken cancellationToken)
    {
        int status = (int)response.StatusCode;
        string reason = await ReadReasonAsync(response, cancellationToken).ConfigureAwait(false);
        return new OpenStackException($"{Place(response)} answered {status} ({response.ReasonPhrase}) when asked for {what}{(reason.Length == 0 ? "." : ": " + reason)}")
        {
            StatusCode = response.StatusCode,
            IsTransient = IsTransient(status),
            RetryAfter = RetryAfter(response),
        };
    }

    /// <summary>Whether the same request may succeed later. 498 is how Swift's limiter of rates says "slow down"; 507 is a full device beside others.</summary>
    public static bool IsTransient(int status) => status is 408 or 425 or 429 or 498 or 500 or 502 or 503 or 504 or 507;

    public static TimeSpan? RetryAfter(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } when date > TimeProvider.System.GetUtcNow() => date - TimeProvider.System.GetUtcNow(),
        _ => null,
    };

    /// <summary>Whether a failure to talk to the service may pass. A certificate that is not trusted will not become so.</summary>
    public static bool IsTransient(Exception exception) => exception is not HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError or HttpRequestError.UserAuthenticationError };

    /// <summary>A member of an object, if it is there and of that kind.</summary>
    public static bool TryGet(JsonElement element, string name, JsonValueKind kind, out JsonElement value)
    {
        value = default;
        return element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out value) && value.ValueKind == kind;
    }

    /// <summary>A member that is text; null where there is none.</summary>
    public static string? Text(JsonElement element, string name) => TryGet(element, name, JsonValueKind.String, out JsonElement value) ? value.GetString() : null;

    /// <summary>A member that is a whole number; null where there is none.</summary>
    public static long? Number(JsonElement element, string name) =>
        TryGet(element, name, JsonValueKind.Number, out JsonElement value) && value.TryGetInt64(out long number) ? number : null;

    private static async Task<byte[]> ReadAsync(HttpResponseMessage response, int limit, CancellationToken cancellationToken)
    {
        using MemoryStream copy = new();
        if (!await CopyAsync(response, copy, limit, cancellationToken).ConfigureAwait(false))
        {
            throw new OpenStackException($"{Place(response)} answered with more than {limit} bytes, which is no answer to what was asked.");
        }

        return copy.ToArray();
    }

    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "The reason is an extra: that it cannot be read must not hide the fault that it explains.")]
    private static async Task<string> ReadReasonAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        try
        {
            using MemoryStream copy = new();
            await CopyAsync(response, copy, 64 << 10, cancellationToken).ConfigureAwait(false);
            string text = System.Text.Encoding.UTF8.GetString(copy.GetBuffer(), 0, (int)copy.Length);
            return Shorten(StripMarkup(text));
        }
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
        {
            return string.Empty;
        }
    }

    private static async Task<bool> CopyAsync(HttpResponseMessage response, MemoryStream copy, int limit, CancellationToken cancellationToken)
    {
        Stream body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await using (body.ConfigureAwait(false))
        {
            byte[] buffer = new byte[16 << 10];
            for (int count; (count = await body.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0;)
            {
                if (copy.Length + count > limit)
                {
                    return false;
                }

                copy.Write(buffer, 0, count);
            }
        }

        return true;
    }

    // Reasons come as HTML or JSON: words without the tags, on one line.
    private static string StripMarkup(string text)
    {
        System.Text.StringBuilder words = new(text.Length);
        bool isTag = false;
        foreach (char character in text)
        {
            isTag = character == '<' || (isTag && character != '>');
            words.Append(isTag || character == '>' || char.IsControl(character) ? ' ' : character);
        }

        return string.Join(' ', words.ToString().Split(' ', StringSplitOptions.RemoveEmptyEntries));
    }

    private static string Shorten(string text) => text.Length <= MaximumReasonLength ? text : text[..MaximumReasonLength] + "...";

    private static string Place(HttpResponseMessage response) =>
        response.RequestMessage?.RequestUri is { } address ? address.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped) : "The service";
}
