namespace CloudImage.Sdk.Snapshots.Retention;

/// <summary>Why a snapshot is kept or goes. Immutable.</summary>
public sealed class RetentionReason
{
    internal RetentionReason(RetentionRule rule, string description)
    {
        Rule = rule;
        Description = description;
    }

    /// <summary>The rule.</summary>
    public RetentionRule Rule { get; }

    /// <summary>The rule with what it saw, such as "daily 2026-11-24, 3 of 7".</summary>
    public string Description { get; }

    /// <inheritdoc/>
    public override string ToString() => Description;
}
