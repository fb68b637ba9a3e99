using System;
using System.Threading.Tasks;
using Amazon.Runtime;

namespace CloudImage.Sdk.Aws.S3;

/// <summary>
/// Lets the vendor's client repeat a request once when the clock was corrected, and for no other reason: a creation whose answer was lost
/// must not be repeated behind the back of the store, for then it would find its own object and call it another's.
/// </summary>
internal sealed class ClockOnlyRetryPolicy : RetryPolicy
{
    public ClockOnlyRetryPolicy() => MaxRetries = 1;

    public override bool CanRetry(IExecutionContext executionContext) => true;

    public override bool RetryForException(IExecutionContext executionContext, Exception exception) => false;

    public override Task<bool> RetryForExceptionAsync(IExecutionContext executionContext, Exception exception) => Task.FromResult(false);

    public override bool RetryLimitReached(IExecutionContext executionContext) => executionContext.RequestContext.Retries >= MaxRetries;

    public override void WaitBeforeRetry(IExecutionContext executionContext)
    {
        // With the clock right there is nothing to wait for.
    }

    public override Task WaitBeforeRetryAsync(IExecutionContext executionContext) => Task.CompletedTask;

    public override bool OnRetry(IExecutionContext executionContext) => true;
}
