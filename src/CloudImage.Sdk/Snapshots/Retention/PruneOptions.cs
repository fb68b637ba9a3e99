using System;
using CloudImage.Sdk.Snapshots.Signing;

namespace CloudImage.Sdk.Snapshots.Retention;

/// <summary>How a plan is carried out.</summary>
public sealed class PruneOptions
{
    /// <summary>At most nine tenths of an image's snapshots go.</summary>
    public static PruneOptions Default { get; } = new();

    /// <summary>The share of one image's snapshots beyond which nothing is dropped without confirmation, from 0 to 1.</summary>
    /// <value>The default value is 0.9.</value>
    public double MaxDroppedShare { get; init; } = 0.9;

    /// <summary>Whether a plan that drops more than <see cref="MaxDroppedShare"/> was looked at and is meant.</summary>
    /// <value>The default value is <see langword="false"/>.</value>
    public bool IsConfirmed { get; init; }

    /// <summary>Signs each prune, so that the gap it leaves is explained; the caller disposes it.</summary>
    /// <value>The default value is <see langword="null"/>: prunes are not signed.</value>
    public SnapshotSigner? Signer { get; init; }

    internal void Validate()
    {
        if (double.IsNaN(MaxDroppedShare) || MaxDroppedShare is < 0 or > 1)
        {
            throw new ArgumentOutOfRangeException(nameof(PruneOptions), MaxDroppedShare, "A share lies between 0 and 1.");
        }
    }
}
