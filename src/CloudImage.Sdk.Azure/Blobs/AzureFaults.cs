using System;
using System.IO;
using System.Linq;
using System.Net.Http;
using System.Net.Sockets;
using Azure;
using Azure.Identity;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Azure.Blobs;

/// <summary>Turns what the vendor's client throws into exceptions that say what to do, and whether to try again.</summary>
internal static class AzureFaults
{
    private const int MaxCodeLength = 100;

    private static readonly string[] s_passing = ["ServerBusy", "OperationTimedOut", "InternalError", "Md5Mismatch", "Crc64Mismatch", "ContainerBeingCreated", "ContainerBeingDeleted"];

    private static readonly string[] s_credentials =
        ["AuthenticationFailed", "InvalidAuthenticationInfo", "NoAuthenticationInformation", "AuthorizationFailure", "AuthorizationPermissionMismatch", "InsufficientAccountPermissions", "KeyBasedAuthenticationNotPermitted"];

    /// <summary>Whether the name was taken, as the service tells a creation that was not to replace anything.</summary>
    public static bool IsNameTaken(RequestFailedException exception) =>
        exception.ErrorCode is "BlobAlreadyExists" or "UnauthorizedBlobOverwrite" or "ConditionNotMet" || exception.Status == 412;

    /// <summary>Makes the exception of a call that failed.</summary>
    /// <param name="exception">What was thrown.</param>
    /// <param name="objectName">Name of the object; null for none in particular.</param>
    /// <param name="action">What was done: "created", "read".</param>
    /// <param name="location">Where the store is.</param>
    public static ObjectStoreException Translate(Exception exception, string? objectName, string action, string location)
    {
        switch (exception)
        {
            case OperationCanceledException:
                return Make(objectName, $"it could not be {action} within the time that a request may take, in {location}.", exception, true, null);
            case RequestFailedException { Status: > 0 } failed:
                return FromAnswer(failed, objectName, action, location);
            case AuthenticationFailedException:
                return Make(
                    objectName,
                    $"it could not be {action}, because no credential was found for {location}: set AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN or AZURE_STORAGE_CONNECTION_STRING, or sign in for DefaultAzureCredential ('az login', a managed identity).",
                    exception, false, null);
            case var _ when IsBroken(exception):
                return Make(objectName, $"it could not be {action}, because the connection to {location} failed.", exception, true, null);
            default:
                return Make(objectName, $"it could not be {action} in {location}: {exception.GetType().Name}.", exception, false, null);
        }
    }

    private static ObjectStoreException FromAnswer(RequestFailedException failed, string? objectName, string action, string location)
    {
        string code = Shorten(failed.ErrorCode);
        string told = $"it could not be {action} in {location}, which answered {failed.Status} {code}.";
        if (failed.ErrorCode is "ContainerNotFound" or "ContainerDisabled")
        {
            return Make(objectName, told + " The container does not exist: make it, or have it made with create-container=true.", failed, false, null);
        }

        if (failed.Status == 404 && objectName is not null)
        {
            return new ObjectNotFoundException(objectName);
        }

        if (s_credentials.Contains(failed.ErrorCode) || failed.Status is 401 or 403)
        {
            return Make(
                objectName,
                told + " The credentials are not those of the account, have expired, do not allow it (Storage Blob Data Contributor does), or the clock of this machine is more than 15 minutes wrong.",
                failed, false, null);
        }

        if (failed.ErrorCode == "BlobArchived")
        {
            return Make(objectName, told + " The blob lies in the archive tier: restore it to a tier that can be read.", failed, false, null);
        }

        // Azurite's word for Md5Mismatch: what arrived was not what was sent.
        bool isBrokenOnItsWay = failed.ErrorCode == "InvalidOperation" && failed.Message.Contains("contentMD5", StringComparison.Ordinal);
        bool isPassing = isBrokenOnItsWay || s_passing.Contains(failed.ErrorCode) || failed.Status is 408 or 429 || (failed.Status >= 500 && failed.Status is not (501 or 505));
        return Make(objectName, told, failed, isPassing, RetryAfter(failed));
    }

    private static ObjectStoreException Make(string? objectName, string message, Exception inner, bool isTransient, TimeSpan? retryAfter) =>
        objectName is null
            ? new ObjectStoreException("The store: " + message, inner) { IsTransient = isTransient, RetryAfter = retryAfter }
            : new ObjectStoreException(objectName, message, inner) { IsTransient = isTransient, RetryAfter = retryAfter };

    private static bool IsBroken(Exception exception)
    {
        for (Exception? cause = exception; cause is not null; cause = cause.InnerException)
        {
            if (cause is IOException or SocketException or HttpRequestException or TimeoutException or System.Xml.XmlException || (cause is RequestFailedException { Status: 0 }))
            {
                return true;
            }
        }

        return false;
    }

    private static TimeSpan? RetryAfter(RequestFailedException failed) =>
        failed.GetRawResponse()?.Headers.TryGetValue("Retry-After", out string? text) == true && int.TryParse(text, out int seconds) && seconds is > 0 and < 3600
            ? TimeSpan.FromSeconds(seconds)
            : null;

    private static string Shorten(string? code)
    {
        code = string.Concat((code ?? "without a code").Where(static character => !char.IsControl(character)));
        return code.Length <= MaxCodeLength ? code : code[..MaxCodeLength];
    }
}
