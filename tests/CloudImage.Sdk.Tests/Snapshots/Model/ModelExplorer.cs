using System;
using System.Collections.Generic;
using System.IO.Hashing;

namespace CloudImage.Sdk.Tests.Snapshots.Model;

/// <summary>Visits the states of a model breadth first.</summary>
/// <remarks>
/// Of visited states 128 bits of a hash are kept: at a billion states the chance that two share one is below 2^-68.
/// </remarks>
internal sealed class ModelExplorer
{
    private readonly CollectionModel _model;

    internal ModelExplorer(CollectionModel model) => _model = model;

    /// <summary>States visited.</summary>
    internal int States { get; private set; }

    /// <summary>Steps from the first state to the last one visited.</summary>
    internal int Depth { get; private set; }

    /// <summary>Whether every reachable state was visited.</summary>
    internal bool IsComplete { get; private set; }

    /// <summary>Looks for a state in which something is lost.</summary>
    /// <returns>What is lost; null: nothing, in the states visited.</returns>
    internal string? Explore(int maximumStates)
    {
        var seen = new HashSet<UInt128>();
        var frontier = new List<ModelState>();
        var next = new List<ModelState>();
        var successors = new List<ModelState>();
        ModelState initial = _model.Normalize(_model.MakeInitial());
        seen.Add(Hash(ref initial));
        frontier.Add(initial);
        while (frontier.Count > 0)
        {
            foreach (ModelState state in frontier)
            {
                successors.Clear();
                _model.AddSuccessors(state, successors);
                foreach (ModelState successor in successors)
                {
                    ModelState normal = _model.Normalize(successor);
                    if (!seen.Add(Hash(ref normal)))
                    {
                        continue;
                    }

                    States = seen.Count;
                    if (_model.FindLoss(normal) is { } loss)
                    {
                        Depth++;
                        return loss;
                    }

                    if (States >= maximumStates)
                    {
                        return null;
                    }

                    next.Add(normal);
                }
            }

            Depth++;
            frontier.Clear();
            (frontier, next) = (next, frontier);
        }

        States = seen.Count;
        IsComplete = true;
        return null;
    }

    private static UInt128 Hash(ref ModelState state) => XxHash128.HashToUInt128(ModelState.AsBytes(ref state));
}
