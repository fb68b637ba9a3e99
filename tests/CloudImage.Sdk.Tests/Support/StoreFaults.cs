using System;

namespace CloudImage.Sdk.Tests.Support;

/// <summary>Which faults a <see cref="FaultyObjectStore"/> makes, each at every n-th call that it can befall; zero: never.</summary>
public sealed class StoreFaults
{
    /// <summary>A call fails, half of them after it was done; may pass when tried again.</summary>
    public int FailEvery { get; init; }

    /// <summary>Whether the failures pass when tried again.</summary>
    public bool IsTransient { get; init; } = true;

    /// <summary>Whether half of the failed calls were done nevertheless.</summary>
    public bool MayFailAfterDone { get; init; } = true;

    /// <summary>A read returns fewer bytes, as if the object ended early.</summary>
    public int TruncateEvery { get; init; }

    /// <summary>A read returns one bit flipped.</summary>
    public int FlipEvery { get; init; }

    /// <summary>A creation is sent twice, and the second answer is what the caller gets.</summary>
    public int RepeatEvery { get; init; }

    /// <summary>Each call takes a random time up to this.</summary>
    public TimeSpan MaximumDelay { get; init; }

    /// <summary>Only calls about names that begin so; all by default.</summary>
    public string Prefix { get; init; } = string.Empty;
}
