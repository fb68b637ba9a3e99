using System;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>A token bucket whose rate halves when the service throttles, and comes back by a twentieth of the full rate a second.</summary>
/// <remarks>
/// Thread-safe. Those who wait have their tokens promised in order: nobody starves. A rate that moves is what the buckets of
/// System.Threading.RateLimiting do not have.
/// </remarks>
internal sealed class EbsRateLimiter
{
    private const double RegainPerSecond = 0.05;
    private const double SmallestPart = 0.01;
    private const double SmallestRate = 1;
    private const double BurstInSeconds = 0.05;
    private readonly Lock _lock = new();
    private readonly TimeProvider _time;
    private readonly double _fullRate;
    private double _rate;
    private double _tokens;
    private long _refilledAt;
    private long _halvedAt;

    /// <param name="ratePerSecond">The full rate.</param>
    /// <param name="time">The clock.</param>
    public EbsRateLimiter(double ratePerSecond, TimeProvider time)
    {
        _fullRate = ratePerSecond;
        _time = time;
        _rate = ratePerSecond;
        _tokens = Burst;
        _refilledAt = time.GetTimestamp();
        _halvedAt = long.MinValue;
    }

    /// <summary>The rate at this moment, a second.</summary>
    public double Rate
    {
        get
        {
            lock (_lock)
            {
                Refill();
                return _rate;
            }
        }
    }

    private double Burst => Math.Max(1, _fullRate * BurstInSeconds);

    /// <summary>Waits until one more request may be made.</summary>
    public async ValueTask AcquireAsync(CancellationToken cancellationToken)
    {
        TimeSpan wait;
        lock (_lock)
        {
            Refill();
            _tokens--;
            wait = _tokens >= 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(-_tokens / _rate);
        }

        if (wait > TimeSpan.Zero)
        {
            try
            {
                await Task.Delay(wait, _time, cancellationToken).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                lock (_lock)
                {
                    _tokens++;
                }

                throw;
            }
        }
    }

    /// <summary>Tells that the service throttled a request. Of many that were under way together, one halves the rate.</summary>
    /// <param name="sentAt">When it was sent, as a timestamp of the clock.</param>
    public void Throttle(long sentAt)
    {
        lock (_lock)
        {
            Refill();
            if (sentAt < _halvedAt)
            {
                return;
            }

            _halvedAt = _time.GetTimestamp();
            _rate = Math.Max(Math.Min(_fullRate, Math.Max(SmallestRate, _fullRate * SmallestPart)), _rate / 2);
            _tokens = Math.Min(_tokens, 0);
        }
    }

    private void Refill()
    {
        long now = _time.GetTimestamp();
        double seconds = Math.Max(0, _time.GetElapsedTime(_refilledAt, now).TotalSeconds);
        _refilledAt = now;
        _rate = Math.Min(_fullRate, _rate + (_fullRate * RegainPerSecond * seconds));
        _tokens = Math.Min(Burst, _tokens + (_rate * seconds));
    }
}
