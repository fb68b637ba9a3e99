using System;
using System.Collections.Generic;

namespace CloudImage.Sdk.Aws.Tests.Fakes;

/// <summary>How a fake EBS direct behaves.</summary>
internal sealed class EbsFakeOptions
{
    public const string DefaultAccessKey = "AKIDEXAMPLE";
    public const string DefaultSecretKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    public string Region { get; init; } = "eu-central-1";

    public bool UsesHttps { get; init; }

    /// <summary>The clock of signatures and tokens.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    public IReadOnlyList<FakeIdentity> Identities { get; init; } = [new FakeIdentity(DefaultAccessKey, DefaultSecretKey)];

    /// <summary>How many lists of a snapshot are refused after its completion.</summary>
    public int PollsUntilCompleted { get; init; } = 2;

    /// <summary>How long a snapshot is unknown after its beginning.</summary>
    public TimeSpan AppearanceDelay { get; init; }

    /// <summary>Every how many pages an empty one comes; 0 for never.</summary>
    public int EmptyPageEvery { get; init; } = 3;

    /// <summary>Blocks read or written a second, of one snapshot and of the account.</summary>
    public int BlocksPerSecond { get; init; } = 1000;

    public int ListsPerSecond { get; init; } = 50;

    /// <summary>Lowers the pages' length, so that small snapshots have several; the service's own bounds are 100 and 10,000.</summary>
    public int MaxPageLength { get; init; } = 10_000;

    /// <summary>Chooses a fault for a call, which is counted from 1 within its operation.</summary>
    public Func<string, int, EbsFakeFault>? Fault { get; init; }
}
