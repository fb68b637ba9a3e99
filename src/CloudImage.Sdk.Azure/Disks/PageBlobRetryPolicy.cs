using System;
using System.Threading.Tasks;
using Azure;
using Azure.Core;
using Azure.Core.Pipeline;

namespace CloudImage.Sdk.Azure.Disks;

/// <summary>The vendor's retries with growing delays and jitter, except for listings that took too long: they are asked for in smaller pieces instead.</summary>
internal sealed class PageBlobRetryPolicy(int maxRetries, TimeSpan delay, TimeSpan maxDelay) : RetryPolicy(maxRetries, DelayStrategy.CreateExponentialDelayStrategy(delay, maxDelay))
{
    protected override bool ShouldRetry(HttpMessage message, Exception? exception) =>
        !IsListingThatTookTooLong(message, exception) && base.ShouldRetry(message, exception);

    protected override ValueTask<bool> ShouldRetryAsync(HttpMessage message, Exception? exception) =>
        IsListingThatTookTooLong(message, exception) ? ValueTask.FromResult(false) : base.ShouldRetryAsync(message, exception);

    private static bool IsListingThatTookTooLong(HttpMessage message, Exception? exception)
    {
        if (!message.Request.Uri.Query.Contains("comp=pagelist", StringComparison.Ordinal))
        {
            return false;
        }

        return exception is not null
            ? AzureDiskFaults.IsTimeout(exception)
            : message.HasResponse && message.Response.Status == 500 && message.Response.Headers.TryGetValue("x-ms-error-code", out string? code) && code == "OperationTimedOut";
    }
}
