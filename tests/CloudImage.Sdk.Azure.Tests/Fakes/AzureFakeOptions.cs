using System;

namespace CloudImage.Sdk.Azure.Tests.Fakes;

/// <summary>What an <see cref="AzureFake"/> is like.</summary>
internal sealed class AzureFakeOptions
{
    /// <summary>The most ranges in one answer, however many are asked for.</summary>
    public int MaxRangesPerAnswer { get; init; } = 10_000;

    /// <summary>A list whose window holds more ranges than this runs out of time.</summary>
    public int MaxRangesPerWindow { get; init; } = int.MaxValue;

    /// <summary>How often an operation of the resource manager is said to be under way before it is done.</summary>
    public int PollsPerOperation { get; init; } = 2;

    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
