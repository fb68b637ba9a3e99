namespace CloudImage.Sdk.Snapshots.Signing;

/// <summary>A number of an image's sequence, and whether what became of it is explained. Immutable.</summary>
public sealed class SequenceEntry
{
    /// <summary>The number.</summary>
    public required long Sequence { get; init; }

    /// <summary>The session that took it, which is the snapshot's id; null where no record names one.</summary>
    public required string? SnapshotId { get; init; }

    /// <summary>What became of it.</summary>
    public required SequenceState State { get; init; }

    /// <summary>What the snapshot's signature is worth.</summary>
    public required SignatureStatus Signature { get; init; }

    /// <summary>What the signature of whoever gave it up is worth.</summary>
    public required SignatureStatus RetirementSignature { get; init; }

    /// <summary>Whether it is not explained, or explained by nothing that the trusted keys vouch for.</summary>
    public required bool IsSuspicious { get; init; }

    /// <summary>What was found, in words.</summary>
    public required string Explanation { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"#{Sequence}: {Explanation}";
}
