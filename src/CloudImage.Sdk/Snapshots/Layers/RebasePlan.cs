using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Snapshots.Capture;
using CloudImage.Sdk.Snapshots.Sessions;

namespace CloudImage.Sdk.Snapshots.Layers;

/// <summary>A layer on another state of its base. Immutable.</summary>
internal sealed class RebasePlan : LayerPlan
{
    public RebasePlan(CommittedSnapshot layer, CommittedSnapshot oldBase, CommittedSnapshot newBase)
        : base([layer, oldBase, newBase])
    {
    }

    public override ICapturePlanner CreatePlanner(CapturePlan plan) => new RebasePlanner(plan, OpenTrees(plan.Context));

    /// <summary>Lists the chunks that differ in all three, so that their blocks have to be compared.</summary>
    public async ValueTask<BlockMap> FindMixedAsync(RepositoryContext context, CancellationToken cancellationToken)
    {
        List<DiskExtent> mixed = [];
        RebaseWalk walk = new(OpenTrees(context));
        await walk.RunAsync(
            static (_, _) => ValueTask.FromResult(true),
            (leaf, _) =>
            {
                leaf.ListMixed(mixed);
                return ValueTask.CompletedTask;
            },
            cancellationToken).ConfigureAwait(false);
        return new BlockMap(mixed);
    }
}
