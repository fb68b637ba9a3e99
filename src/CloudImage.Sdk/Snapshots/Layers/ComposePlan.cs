using System.Collections.Generic;
using CloudImage.Sdk.Snapshots.Capture;
using CloudImage.Sdk.Snapshots.Sessions;

namespace CloudImage.Sdk.Snapshots.Layers;

/// <summary>Layers on one another. Immutable.</summary>
internal sealed class ComposePlan : LayerPlan
{
    private readonly bool _keepsAbsent;

    /// <param name="topToBottom">The snapshots; the last one alone may be a whole disk.</param>
    /// <param name="keepsAbsent">Whether what no layer holds stays absent; otherwise it is zeros.</param>
    public ComposePlan(IReadOnlyList<CommittedSnapshot> topToBottom, bool keepsAbsent)
        : base(topToBottom) => _keepsAbsent = keepsAbsent;

    public override ICapturePlanner CreatePlanner(CapturePlan plan) => new ComposePlanner(plan, OpenTrees(plan.Context), IsWhole, _keepsAbsent);

    private bool IsWhole => !Sources[^1].Descriptor.IsLayer;
}
