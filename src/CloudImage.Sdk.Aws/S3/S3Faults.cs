using System;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Net.Sockets;
using System.Xml;
using Amazon.Runtime;
using Amazon.Runtime.Internal;
using Amazon.S3;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Aws.S3;

/// <summary>Turns what the vendor's client throws into exceptions that say what to do, and whether to try again.</summary>
internal static class S3Faults
{
    private const int MaxMessageLength = 300;

    private static readonly string[] s_passing =
    [
        "SlowDown", "SlowDownRead", "SlowDownWrite", "ServiceUnavailable", "InternalError", "RequestTimeout", "ConditionalRequestConflict", "OperationAborted", "Throttling",
        "ThrottlingException", "RequestThrottled", "RequestLimitExceeded", "BandwidthLimitExceeded", "TooManyRequests",

        // What arrived was not what was sent: the way there failed.
        "BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "IncompleteBody", "InvalidDigest",
    ];

    private static readonly string[] s_credentials =
    [
        "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "InvalidToken", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidSecurity", "NotSignedUp",
        "AuthorizationHeaderMalformed", "MissingSecurityHeader",
    ];

    private static readonly string[] s_clock = ["RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"];

    /// <summary>Whether the credentials were refused, so that others might be taken.</summary>
    public static bool IsAboutCredentials(Exception exception) => exception is AmazonServiceException service && s_credentials.Contains(service.ErrorCode);

    /// <summary>Whether the name was taken, as the service tells a creation that was not to replace anything.</summary>
    public static bool IsNameTaken(AmazonS3Exception exception) =>
        exception.StatusCode == HttpStatusCode.PreconditionFailed
        || (exception.StatusCode == HttpStatusCode.Conflict && exception.ErrorCode is "FileAlreadyExists" or "ObjectAlreadyExists" or "PreconditionFailed");

    /// <summary>Whether there is no object of the name.</summary>
    public static bool IsMissing(AmazonS3Exception exception) =>
        exception.StatusCode == HttpStatusCode.NotFound && exception.ErrorCode is not ("NoSuchBucket" or "NoSuchUpload");

    /// <summary>Whether a code is of a reason that may pass.</summary>
    public static bool IsPassing(string? code) => code is not null && s_passing.Contains(code);

    /// <summary>Makes the exception of a call that failed.</summary>
    /// <param name="exception">What was thrown.</param>
    /// <param name="objectName">Name of the object; null for none in particular.</param>
    /// <param name="action">What was done: "created", "read".</param>
    /// <param name="location">Where the store is.</param>
    /// <param name="areRenewed">Whether credentials were refused and others are there now.</param>
    public static ObjectStoreException Translate(Exception exception, string? objectName, string action, string location, bool areRenewed)
    {
        switch (exception)
        {
            case ObjectStoreException own:
                return own;
            case OperationCanceledException:
                return Make(objectName, $"it could not be {action} within the time that a request may take, in {location}.", exception, true, null);
            case AmazonServiceException service when service.StatusCode != 0:
                return FromAnswer(service, objectName, action, location, areRenewed);
            case var _ when IsBrokenConnection(exception):
                return Make(objectName, $"it could not be {action}, because the connection to {location} failed.", exception, true, null);
            case var _ when IsBrokenAnswer(exception):
                return Make(objectName, $"it could not be {action}, because the answer of {location} is not of the protocol.", exception, true, null);
            default:
                return Make(
                    objectName,
                    $"it could not be {action} in {location}: {Shorten(exception.Message)} Credentials are taken from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, from the shared files, or from the machine's role.",
                    exception, false, null);
        }
    }

    private static ObjectStoreException FromAnswer(AmazonServiceException service, string? objectName, string action, string location, bool areRenewed)
    {
        int status = (int)service.StatusCode;
        string code = string.IsNullOrEmpty(service.ErrorCode) ? "without a code" : Shorten(service.ErrorCode);
        string told = $"it could not be {action} in {location}, which answered {status} {code}.";
        TimeSpan? retryAfter = RetryAfter(service);
        if (s_credentials.Contains(service.ErrorCode))
        {
            string advice = areRenewed ? " Other credentials are there now and are tried next." : " The credentials are not those of the service, or no longer: renew them.";
            return Make(objectName, told + advice, service, areRenewed, null);
        }

        if (s_clock.Contains(service.ErrorCode))
        {
            return Make(objectName, told + " The clock of this machine differs from the service's by more than it allows: set it right.", service, false, null);
        }

        return code switch
        {
            "NoSuchBucket" => Make(objectName, told + " The bucket does not exist: make it, or have it made with create-bucket=true.", service, false, null),
            "PermanentRedirect" or "IllegalLocationConstraintException" => Make(objectName, told + " The bucket is in another region: name that one.", service, false, null),
            _ when status is 403 or 401 => Make(objectName, told + " The credentials do not allow it: reading needs GetObject and ListBucket, writing PutObject, collecting DeleteObject.", service, false, null),
            _ => Make(
                objectName, $"{told} {Shorten(service.Message)}".TrimEnd(), service,
                s_passing.Contains(service.ErrorCode) || status is 408 or 429 || (status >= 500 && status != 501), retryAfter),
        };
    }

    private static ObjectStoreException Make(string? objectName, string message, Exception inner, bool isTransient, TimeSpan? retryAfter) =>
        objectName is null
            ? new ObjectStoreException("The store: " + message, inner) { IsTransient = isTransient, RetryAfter = retryAfter }
            : new ObjectStoreException(objectName, message, inner) { IsTransient = isTransient, RetryAfter = retryAfter };

    private static bool IsBrokenConnection(Exception exception)
    {
        for (Exception? cause = exception; cause is not null; cause = cause.InnerException)
        {
            if (cause is IOException or SocketException or HttpRequestException or TimeoutException)
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsBrokenAnswer(Exception exception)
    {
        for (Exception? cause = exception; cause is not null; cause = cause.InnerException)
        {
            if (cause is AmazonUnmarshallingException or XmlException or FormatException)
            {
                return true;
            }
        }

        return false;
    }

    private static TimeSpan? RetryAfter(AmazonServiceException service)
    {
        for (Exception? cause = service; cause is not null; cause = cause.InnerException)
        {
            if (cause is HttpErrorResponseException { Response: { } response } && response.IsHeaderPresent("Retry-After")
                && int.TryParse(response.GetHeaderValue("Retry-After"), out int seconds) && seconds is > 0 and < 3600)
            {
                return TimeSpan.FromSeconds(seconds);
            }
        }

        return null;
    }

    private static string Shorten(string? text)
    {
        text = string.Concat((text ?? string.Empty).Select(static character => char.IsControl(character) ? ' ' : character));
        return text.Length <= MaxMessageLength ? text : text[..MaxMessageLength] + "...";
    }
}
