using System.Collections.Generic;
using System.Linq;
using CloudImage.Sdk.Snapshots.Capture;
using CloudImage.Sdk.Snapshots.Sessions;
using CloudImage.Sdk.Snapshots.Trees;

namespace CloudImage.Sdk.Snapshots.Layers;

/// <summary>A tree that is made of other snapshots' trees rather than of what a disk holds. Immutable.</summary>
internal abstract class LayerPlan
{
    protected LayerPlan(IReadOnlyList<CommittedSnapshot> sources) => Sources = sources;

    /// <summary>The snapshots whose nodes and chunks are taken over.</summary>
    public IReadOnlyList<CommittedSnapshot> Sources { get; }

    /// <summary>Makes the planner of one round.</summary>
    public abstract ICapturePlanner CreatePlanner(CapturePlan plan);

    protected SnapshotTree[] OpenTrees(RepositoryContext context) => [.. Sources.Select(source => source.OpenTree(context))];
}
