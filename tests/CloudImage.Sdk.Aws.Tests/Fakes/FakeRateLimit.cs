using System;
using System.Diagnostics;
using System.Threading;

namespace CloudImage.Sdk.Aws.Tests.Fakes;

/// <summary>A service's limit: as many requests a second, as many at once after a rest.</summary>
internal sealed class FakeRateLimit(int perSecond)
{
    private readonly Lock _lock = new();
    private double _tokens = perSecond;
    private long _at = Stopwatch.GetTimestamp();

    public bool TryTake()
    {
        lock (_lock)
        {
            long now = Stopwatch.GetTimestamp();
            _tokens = Math.Min(perSecond, _tokens + (Stopwatch.GetElapsedTime(_at, now).TotalSeconds * perSecond));
            _at = now;
            if (_tokens < 1)
            {
                return false;
            }

            _tokens--;
            return true;
        }
    }
}
