using System;

namespace CloudImage.Sdk.Storage;

/// <summary>How often, and after what time, a call that failed for a passing reason is made again.</summary>
public sealed class ObjectRetryOptions
{
    /// <summary>The defaults.</summary>
    public static ObjectRetryOptions Default { get; } = new();

    /// <summary>How many times a call is made at most, the first one included.</summary>
    /// <value>The default value is 6.</value>
    public int MaximumAttempts { get; init; } = 6;

    /// <summary>The longest time before the second attempt; it doubles with each that follows, and a random part of it is waited.</summary>
    /// <value>The default value is 200 milliseconds.</value>
    public TimeSpan FirstDelay { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>The longest time before any attempt.</summary>
    /// <value>The default value is 20 seconds.</value>
    public TimeSpan MaximumDelay { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>The clock that the delays are measured by.</summary>
    /// <value>The default value is <see cref="TimeProvider.System"/>.</value>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaximumAttempts, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(FirstDelay, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaximumDelay, TimeSpan.Zero);
        ArgumentNullException.ThrowIfNull(TimeProvider);
    }
}
