using System;
using System.IO;
using System.Net.Http;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.OpenStack.Swift;

/// <summary>One call to the service within its time, its faults as those of a store.</summary>
internal static class SwiftCall
{
    internal static async ValueTask<T> RunAsync<T>(string? name, TimeSpan timeout, Func<CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(timeout);
        try
        {
            return await call(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw Make(name, $"the service did not answer within {timeout}.", exception, true, null);
        }
        catch (OpenStackException exception)
        {
            throw Make(name, exception.Message, exception, exception.IsTransient, exception.RetryAfter);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException and not CloudImageException)
        {
            throw Make(name, $"the service could not be reached, or broke off: {exception.Message}", exception, OpenStackHttp.IsTransient(exception), null);
        }
    }

    private static ObjectStoreException Make(string? name, string message, Exception cause, bool isTransient, TimeSpan? retryAfter) => name is null
        ? new ObjectStoreException(message, cause) { IsTransient = isTransient, RetryAfter = retryAfter }
        : new ObjectStoreException(name, message, cause) { IsTransient = isTransient, RetryAfter = retryAfter };
}
