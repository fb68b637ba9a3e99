using System;
using System.IO;
using System.Linq;
using System.Net.Http;
using System.Threading;
using System.Threading.Tasks;
using System.Xml;
using Azure;
using Azure.Identity;

namespace CloudImage.Sdk.Azure.Disks;

/// <summary>Turns what the vendor's clients throw into exceptions that say what to do, without what an address or a header may keep secret.</summary>
internal static class AzureDiskFaults
{
    private const int MaxMessageLength = 300;

    /// <summary>Runs a call, and maps its faults.</summary>
    /// <param name="what">What is done to what, such as "Reading 512 bytes at 0 of disks/a.vhd".</param>
    /// <param name="call">The call.</param>
    /// <param name="cancellationToken">The token of the call, which tells a cancellation from a timeout.</param>
    public static async ValueTask<T> RunAsync<T>(string what, Func<ValueTask<T>> call, CancellationToken cancellationToken)
    {
        try
        {
            return await call().ConfigureAwait(false);
        }
        catch (Exception exception) when (IsFault(exception, cancellationToken))
        {
            throw Map(exception, what);
        }
    }

    /// <summary>Whether an exception is a fault of the service, the network or the credentials, and not of the caller.</summary>
    public static bool IsFault(Exception exception, CancellationToken cancellationToken) => exception switch
    {
        CloudImageException => false,
        OperationCanceledException => !cancellationToken.IsCancellationRequested,
        AggregateException aggregate => aggregate.InnerExceptions.Count > 0 && aggregate.InnerExceptions.All(inner => IsFault(inner, cancellationToken)),
        RequestFailedException or AuthenticationFailedException or IOException or HttpRequestException => true,
        // How the vendor's client takes an answer that is none of the service's.
        XmlException => true,
        _ => false,
    };

    /// <summary>Whether a listing should be asked for in smaller pieces: the service, or the wait for it, ran out of time.</summary>
    public static bool IsTimeout(Exception exception) => exception switch
    {
        AggregateException aggregate => IsTimeout(aggregate.InnerExceptions[^1]),
        RequestFailedException failed => failed.ErrorCode == "OperationTimedOut" || failed.Status is 408 or 504 || failed.InnerException is OperationCanceledException or TimeoutException,
        OperationCanceledException => true,
        _ => false,
    };

    /// <summary>The service's answer in an exception, whatever it is wrapped in; null where there was none.</summary>
    public static RequestFailedException? Answer(Exception exception) => exception switch
    {
        AggregateException aggregate => Answer(aggregate.InnerExceptions[^1]),
        RequestFailedException { Status: > 0 } failed => failed,
        _ => null,
    };

    public static AzureDiskException Map(Exception exception, string what)
    {
        while (exception is AggregateException { InnerExceptions.Count: > 0 } aggregate)
        {
            exception = aggregate.InnerExceptions[^1];
        }

        return exception switch
        {
            RequestFailedException { Status: > 0 } failed => MapAnswer(failed, what),
            AuthenticationFailedException => new AzureDiskAccessException(
                $"{what} failed: no credentials could be had ({FirstLine(exception.Message)}) Sign in with 'az login', set AZURE_CLIENT_ID and its companions, or give a signed address or a connection string."),
            OperationCanceledException => new AzureDiskException($"{what} got no answer in time, after all retries. Look at the network, or allow more time.") { IsTransient = true },
            XmlException => new AzureDiskException($"{what} was answered by something that is no blob service, or by one in trouble. Look at the address and at proxies on the way, then try again.", exception) { IsTransient = true },
            _ => new AzureDiskException(
                $"{what} failed on the way: {FirstLine((exception.InnerException ?? exception).Message)} Look at the address and the network, then try again.",
                (exception as RequestFailedException)?.InnerException ?? exception) { IsTransient = true },
        };
    }

    /// <summary>Maps a fault of the resource manager.</summary>
    public static AzureDiskException MapManaged(Exception exception, string what)
    {
        if (Answer(exception) is not { } failed)
        {
            // An operation that was taken and failed later has an answer of 200, with a code.
            return exception is RequestFailedException { ErrorCode.Length: > 0 } later
                ? new AzureDiskStateException($"{what} failed ({later.ErrorCode}): {FirstLine(later.Message)}") { Code = later.ErrorCode }
                : Map(exception, what);
        }

        string start = $"{what} was answered with {failed.Status} ({(string.IsNullOrEmpty(failed.ErrorCode) ? "no code" : failed.ErrorCode)}): {FirstLine(failed.Message)}";
        return failed.Status switch
        {
            404 => new AzureDiskNotFoundException($"{start} Look at the subscription, the resource group and the name.") { StatusCode = 404, Code = failed.ErrorCode },
            401 or 403 => new AzureDiskAccessException($"{start} Sign in anew, or give the identity a role such as 'Contributor' for disks, 'Disk Snapshot Contributor' for snapshots.") { StatusCode = failed.Status, Code = failed.ErrorCode },
            409 or 412 or < 300 => new AzureDiskStateException($"{start} Its state does not allow this now: attached disks, other signed addresses and limits stand in the way.") { StatusCode = failed.Status, Code = failed.ErrorCode },
            429 or 503 => new AzureDiskThrottledException($"{start} Ask again later.") { StatusCode = failed.Status, Code = failed.ErrorCode, IsTransient = true },
            >= 500 => new AzureDiskException($"{start} The service failed; try again later.") { StatusCode = failed.Status, Code = failed.ErrorCode, IsTransient = true },
            _ => new AzureDiskException($"{start} The request is not one that this subscription, region or kind of disk takes.") { StatusCode = failed.Status, Code = failed.ErrorCode },
        };
    }

    // The inner exception is left out: its text holds the headers and the body of the answer.
    private static AzureDiskException MapAnswer(RequestFailedException failed, string what)
    {
        string code = string.IsNullOrEmpty(failed.ErrorCode) ? "no code" : failed.ErrorCode;
        string start = $"{what} was answered with {failed.Status} ({code}): {FirstLine(failed.Message)}";
        return failed.Status switch
        {
            404 => new AzureDiskNotFoundException($"{start} Look at the account, the container, the name and the snapshot.") { StatusCode = 404, Code = failed.ErrorCode },
            401 or 403 => new AzureDiskAccessException($"{start}{Access(failed.ErrorCode)}") { StatusCode = failed.Status, Code = failed.ErrorCode },
            412 when failed.ErrorCode == "SequenceNumberConditionNotMet" => new AzureDiskChangedException($"{start} Another writer took the blob over, and this one has no part in it any more.") { StatusCode = 412, Code = failed.ErrorCode },
            412 when failed.ErrorCode is null or "" or "ConditionNotMet" or "TargetConditionNotMet" => new AzureDiskChangedException(
                $"{start} The blob was changed since it was opened. Read a snapshot of it, or begin again when nobody writes to it.") { StatusCode = 412, Code = failed.ErrorCode },
            409 when failed.ErrorCode is "BlobOverwritten" or "PreviousSnapshotNotFound" or "PreviousSnapshotCannotBeNewer" => new AzureDiskChangedException(
                $"{start} The two snapshots are not of one blob's life, so that there is no difference between them: read the newer one whole.") { StatusCode = 409, Code = failed.ErrorCode },
            409 or 412 => new AzureDiskStateException($"{start}{State(failed.ErrorCode)}") { StatusCode = failed.Status, Code = failed.ErrorCode },
            429 or 503 => new AzureDiskThrottledException($"{start} Ask for less at once, or later: a standard page blob takes about 500 requests or 60 MiB a second.")
            {
                StatusCode = failed.Status, Code = failed.ErrorCode, IsTransient = true,
            },
            500 when failed.ErrorCode == "OperationTimedOut" => new AzureDiskThrottledException($"{start} This is how a busy blob shows: ask for less at once, or later.")
            {
                StatusCode = failed.Status, Code = failed.ErrorCode, IsTransient = true,
            },
            >= 500 => new AzureDiskException($"{start} The service failed; try again later.") { StatusCode = failed.Status, Code = failed.ErrorCode, IsTransient = true },
            _ => new AzureDiskException($"{start}{Other(failed)}") { StatusCode = failed.Status, Code = failed.ErrorCode, IsTransient = failed.ErrorCode == "Md5Mismatch" },
        };
    }

    private static string Access(string? code) => code switch
    {
        "AuthenticationFailed" => " The key or the signature is wrong or has expired, or this machine's clock is: compare it with another one.",
        "AuthorizationPermissionMismatch" or "AuthorizationFailure" or "InsufficientAccountPermissions" =>
            " The signed address allows less than this needs, or a role such as 'Storage Blob Data Contributor' is missing.",
        _ => " Look at the signed address's permissions and end, or at the roles of the identity.",
    };

    private static string State(string? code) => code switch
    {
        "LeaseIdMissing" or "LeaseAlreadyPresent" => " Somebody holds a lease on the blob, as a running machine does on its disks: end that first, or work on a snapshot.",
        "InvalidBlobType" => " Only page blobs hold disks that are read and written by pages.",
        "SnapshotsPresent" => " It has snapshots.",
        _ => " Its state does not allow this now.",
    };

    private static string Other(RequestFailedException failed) => failed switch
    {
        { ErrorCode: "Md5Mismatch" } => " The bytes were changed on their way; try again.",
        { Status: 413 } => " A write of pages takes at most 4 MiB.",
        { Status: 416 } => " The blob is shorter than it was when it was opened.",
        _ => " The call was not understood as it was meant: look at the address.",
    };

    // The first line is the service's sentence; what follows lists headers and bodies. Addresses lose what may sign them.
    private static string FirstLine(string message)
    {
        int end = message.AsSpan().IndexOfAny('\r', '\n');
        string line = end < 0 ? message : message[..end];
        line = string.Join(' ', line.Split(' ').Select(static word => word.Contains("sig=", StringComparison.OrdinalIgnoreCase) || word.Contains("://", StringComparison.Ordinal) && word.Contains('?', StringComparison.Ordinal)
            ? word[..Math.Max(0, word.IndexOf('?', StringComparison.Ordinal))] + "?..."
            : word));
        line = string.Concat(line.Select(static character => char.IsControl(character) ? ' ' : character));
        line = line.Length <= MaxMessageLength ? line : line[..MaxMessageLength] + "...";
        return line.EndsWith('.') ? line : line + ".";
    }
}
