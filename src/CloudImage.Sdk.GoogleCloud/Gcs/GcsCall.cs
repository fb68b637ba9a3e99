using System;
using System.IO;
using System.Net.Http;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.GoogleCloud.Gcs;

/// <summary>One call to the service within its time; what the network does to it becomes a fault of the service.</summary>
internal static class GcsCall
{
    internal static async Task<T> RunAsync<T>(TimeSpan timeout, Func<CancellationToken, Task<T>> call, CancellationToken cancellationToken)
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
            throw new GoogleCloudException($"The service did not answer within {timeout}.", exception) { IsTransient = true };
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException and not CloudImageException)
        {
            throw new GoogleCloudException($"The service could not be reached, or broke off: {exception.Message}", exception) { IsTransient = GoogleCloudHttp.IsTransient(exception) };
        }
    }
}
