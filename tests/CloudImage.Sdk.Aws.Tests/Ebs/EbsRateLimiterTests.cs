using System;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Aws.Ebs;
using Xunit;

namespace CloudImage.Sdk.Aws.Tests.Ebs;

public sealed class EbsRateLimiterTests
{
    [Fact]
    public async Task Acquire_ByMany_KeepsTheRate()
    {
        EbsRateLimiter limiter = new(100, TimeProvider.System);
        long begun = TimeProvider.System.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, 65).Select(async _ => await limiter.AcquireAsync(TestContext.Current.CancellationToken)));
        TimeSpan elapsed = TimeProvider.System.GetElapsedTime(begun);

        // A burst of 5, then 60 at 100 a second.
        Assert.InRange(elapsed.TotalSeconds, 0.55, 3);
    }

    [Fact]
    public async Task Throttle_OfRequestsThatWereUnderWayTogether_HalvesOnce()
    {
        EbsRateLimiter limiter = new(1000, TimeProvider.System);
        await limiter.AcquireAsync(TestContext.Current.CancellationToken);
        long sentAt = TimeProvider.System.GetTimestamp();
        for (int request = 0; request < 10; request++)
        {
            limiter.Throttle(sentAt);
        }

        Assert.InRange(limiter.Rate, 495, 560);
        limiter.Throttle(TimeProvider.System.GetTimestamp());
        Assert.InRange(limiter.Rate, 245, 310);
    }

    [Fact]
    public async Task Rate_ComesBackWithTime()
    {
        EbsRateLimiter limiter = new(1000, TimeProvider.System);
        limiter.Throttle(TimeProvider.System.GetTimestamp());
        double low = limiter.Rate;
        await Task.Delay(400, TestContext.Current.CancellationToken);
        Assert.InRange(limiter.Rate - low, 15, 200);
    }

    [Fact]
    public async Task Acquire_ThatIsCancelled_GivesItsTokenBack()
    {
        EbsRateLimiter limiter = new(1, TimeProvider.System);
        await limiter.AcquireAsync(TestContext.Current.CancellationToken);
        using CancellationTokenSource cancellation = new(50);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await limiter.AcquireAsync(cancellation.Token));
        long begun = TimeProvider.System.GetTimestamp();
        await limiter.AcquireAsync(TestContext.Current.CancellationToken);
        Assert.True(TimeProvider.System.GetElapsedTime(begun) < TimeSpan.FromSeconds(1.5));
    }
}
