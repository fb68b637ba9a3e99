using System;
using System.Threading;

namespace CloudImage.Sdk.Aws.Tests.Fakes;

/// <summary>The system's clock, set wrong by an amount that can be changed.</summary>
internal sealed class ShiftedTime : TimeProvider
{
    private long _shift;

    public ShiftedTime(TimeSpan shift) => Shift = shift;

    public TimeSpan Shift
    {
        get => TimeSpan.FromTicks(Interlocked.Read(ref _shift));
        set => Interlocked.Exchange(ref _shift, value.Ticks);
    }

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Shift;
}
