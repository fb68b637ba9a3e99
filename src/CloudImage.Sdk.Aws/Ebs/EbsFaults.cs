using System;
using System.Globalization;
using System.Linq;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>Turns answers that are no success into exceptions that say what to do.</summary>
internal static class EbsFaults
{
    private const int MaxBodyLength = 16 * 1024;
    private const int MaxMessageLength = 500;

    private static readonly string[] s_throttling =
    [
        "RequestThrottledException", "RequestThrottled", "ThrottlingException", "ThrottledException", "Throttling", "TooManyRequestsException",
        "RequestLimitExceeded", "ConcurrentLimitExceededException", "SlowDown", "BandwidthLimitExceeded",
    ];

    private static readonly string[] s_credentials =
    [
        "ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch",
        "IncompleteSignatureException", "IncompleteSignature", "MissingAuthenticationTokenException", "MissingAuthenticationToken", "AuthFailure",
        "RequestExpired", "RequestTimeTooSkewed", "RequestInTheFuture", "NotAuthorized", "InvalidAccessKeyId",
    ];

    /// <summary>Reads an answer to the end and makes its exception.</summary>
    public static async ValueTask<EbsException> ReadAsync(HttpResponseMessage response, EbsCall call, CancellationToken cancellationToken)
    {
        int status = (int)response.StatusCode;
        (string code, string message, string? reason) = await ReadBodyAsync(response, cancellationToken).ConfigureAwait(false);
        string told = $"{call.Operation} of {call.Subject} was refused with {status} {code}{(reason is null ? null : $" ({reason})")}{(message.Length > 0 ? $": {message}" : ".")}";
        string? requestId = response.Headers.TryGetValues("x-amzn-RequestId", out var ids) ? ids.FirstOrDefault() : null;
        TimeSpan? retryAfter = RetryAfter(response);
        if (s_throttling.Contains(code) || status is 429 or 503)
        {
            return new EbsThrottledException(told + " Ask for higher quotas, give the client lower ones, or try again later.")
            {
                Code = code, Reason = reason, StatusCode = status, RequestId = requestId, RetryAfter = retryAfter, IsTransient = true,
            };
        }

        if (s_credentials.Contains(code) || status == 401)
        {
            return new EbsCredentialsException($"{told} Renew the credentials and see that the clock is right; an upload with a journal goes on from where it is.")
            {
                Code = code, Reason = reason, StatusCode = status, RequestId = requestId,
            };
        }

        if (status == 403)
        {
            return new EbsAccessDeniedException($"{told} The policy of the caller has to allow ebs:{call.Operation} on the snapshot, and the use of its key where it is encrypted.")
            {
                Code = code, Reason = reason, StatusCode = status, RequestId = requestId,
            };
        }

        if (status == 404 || code == "ResourceNotFoundException")
        {
            return new EbsSnapshotNotFoundException($"{told} See that the id and the region are right; a snapshot that is shared publicly cannot be read this way.")
            {
                Code = code, Reason = reason, StatusCode = status, RequestId = requestId,
            };
        }

        if (reason == "UNRELATED_SNAPSHOTS" || (code == "ValidationException" && message.Contains("not related", StringComparison.OrdinalIgnoreCase)))
        {
            return new EbsUnrelatedSnapshotsException($"{told} Compare snapshots of one volume, or read the newer one whole.")
            {
                Code = code, Reason = reason, StatusCode = status, RequestId = requestId,
            };
        }

        return new EbsException(told + Advice(code, status))
        {
            Code = code,
            Reason = reason,
            StatusCode = status,
            RequestId = requestId,
            RetryAfter = retryAfter,
            IsTransient = status >= 500 || status == 408 || code is "RequestTimeout" or "RequestTimeoutException" or "ServiceQuotaExceededException",
        };
    }

    private static string Advice(string code, int status) => code switch
    {
        "ConflictException" => " The client token was used for a snapshot of other parameters: use a new one, or a new journal.",
        "ServiceQuotaExceededException" => " Complete or delete pending snapshots, or ask for a higher quota.",
        _ when status >= 500 => " The service failed; try again later.",
        _ => " The call was not understood as it was meant, or the snapshot is not in the state that it needs: only completed snapshots are read, only pending ones written.",
    };

    private static TimeSpan? RetryAfter(HttpResponseMessage response)
    {
        RetryConditionHeaderValue? value = response.Headers.RetryAfter;
        return value?.Delta ?? (value?.Date is { } at && response.Headers.Date is { } now && at > now ? at - now : null);
    }

    private static async ValueTask<(string Code, string Message, string? Reason)> ReadBodyAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        string? header = response.Headers.TryGetValues("x-amzn-ErrorType", out var types) ? types.FirstOrDefault() : null;
        byte[] body = new byte[MaxBodyLength];
        int length = 0;
        System.IO.Stream stream = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            int count;
            while (length < body.Length && (count = await stream.ReadAsync(body.AsMemory(length), cancellationToken).ConfigureAwait(false)) > 0)
            {
                length += count;
            }
        }

        string? code = null;
        string? message = null;
        string? reason = null;
        try
        {
            using JsonDocument document = JsonDocument.Parse(body.AsMemory(0, length));
            foreach (JsonProperty property in document.RootElement.ValueKind == JsonValueKind.Object ? document.RootElement.EnumerateObject() : default)
            {
                string? text = property.Value.ValueKind == JsonValueKind.String ? property.Value.GetString() : null;
                code = property.Name is "__type" or "code" ? text : code;
                message = property.Name is "message" or "Message" ? text : message;
                reason = property.Name is "Reason" or "reason" ? text : reason;
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // Not JSON, or text that is no UTF-8. Proxies and load balancers answer in other ways: then the status alone tells.
            message = $"The answer is no fault of the service's protocol but {length.ToString(CultureInfo.InvariantCulture)} other bytes.";
        }

        return (ShortName(header ?? code ?? "without a code"), Shorten(message ?? string.Empty), reason is null ? null : Shorten(reason));
    }

    // "com.amazonaws.ebs#ValidationException" and "ValidationException:http://..." are the same.
    private static string ShortName(string code)
    {
        int hash = code.IndexOf('#', StringComparison.Ordinal);
        code = code[(hash + 1)..];
        int colon = code.IndexOf(':', StringComparison.Ordinal);
        return Shorten(colon < 0 ? code : code[..colon]);
    }

    private static string Shorten(string text)
    {
        text = string.Concat(text.Select(static character => char.IsControl(character) ? ' ' : character));
        return text.Length <= MaxMessageLength ? text : text[..MaxMessageLength] + "...";
    }
}
