using System;
using System.Collections.Generic;

namespace CloudImage.Sdk.Snapshots.Retention;

/// <summary>What a policy makes of the snapshots of a repository at one moment. Immutable.</summary>
public sealed class RetentionPlan
{
    internal RetentionPlan(IReadOnlyList<RetentionDecision> decisions) => Decisions = decisions;

    /// <summary>A decision for each snapshot of the images planned, by image and number.</summary>
    public IReadOnlyList<RetentionDecision> Decisions { get; }

    /// <summary>How many snapshots are kept.</summary>
    public int KeptCount => Decisions.Count - DroppedCount;

    /// <summary>How many snapshots go.</summary>
    public int DroppedCount
    {
        get
        {
            int count = 0;
            foreach (RetentionDecision decision in Decisions)
            {
                count += decision.IsKept ? 0 : 1;
            }

            return count;
        }
    }

    /// <summary>The largest share of one image's snapshots that goes, from 0 to 1.</summary>
    /// <param name="image">Receives the image that loses most; empty where nothing goes.</param>
    internal double LargestShare(out string image)
    {
        Dictionary<string, (int All, int Dropped)> counts = new(StringComparer.Ordinal);
        foreach (RetentionDecision decision in Decisions)
        {
            (int all, int dropped) = counts.GetValueOrDefault(decision.Snapshot.Image);
            counts[decision.Snapshot.Image] = (all + 1, dropped + (decision.IsKept ? 0 : 1));
        }

        double largest = 0;
        image = string.Empty;
        foreach ((string name, (int all, int dropped)) in counts)
        {
            if ((double)dropped / all > largest)
            {
                largest = (double)dropped / all;
                image = name;
            }
        }

        return largest;
    }
}
