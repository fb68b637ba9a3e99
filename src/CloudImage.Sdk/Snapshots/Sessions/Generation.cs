using System;
using CloudImage.Sdk.Snapshots.Records;

namespace CloudImage.Sdk.Snapshots.Sessions;

/// <summary>One generation of collection as it was read. Immutable.</summary>
internal sealed class Generation
{
    public required long Number { get; init; }

    public required bool IsDone { get; init; }

    public required CondemnedRecord Condemned { get; init; }

    /// <summary>What is deleted; null while that is not decided.</summary>
    public required RefSet? Sweep { get; init; }

    /// <summary>The moves; null where the condemnation names none.</summary>
    public required MovesRecord? Moves { get; init; }

    /// <summary>The packs that nobody may begin to refer to.</summary>
    public RefSet Dead => Sweep ?? Condemned.Refs;

    public DateTimeOffset CondemnedAt => Condemned.CreatedAt;
}
