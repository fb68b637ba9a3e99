using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Retention;
using CloudImage.Sdk.Snapshots.Sessions;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots;

public sealed partial class SnapshotRepository
{
    /// <summary>Works out what a policy keeps and what it drops, image by image, with a reason for each snapshot. Changes nothing.</summary>
    /// <param name="policy">The rules.</param>
    /// <param name="images">The images to look at; none for all.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The plan.</returns>
    /// <exception cref="ArgumentException">The policy names no rule, or holds an impossible number.</exception>
    /// <remarks>
    /// A time of creation that runs backwards along the numbers of an image, or lies after the store's time of the commit, drops nothing:
    /// the snapshot is kept, and the reason says so. Legal holds and the minimum age go before every rule.
    /// </remarks>
    public async Task<RetentionPlan> PlanRetentionAsync(RetentionPolicy policy, IReadOnlyCollection<string> images, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(images);
        policy.Validate();
        Dictionary<string, DateTimeOffset> committedAt = await ReadCommitTimesAsync(cancellationToken).ConfigureAwait(false);
        HashSet<SessionId> held = [];
        foreach ((SessionId session, string _) in await ListActiveHoldsAsync(ObjectNames.Sessions, cancellationToken).ConfigureAwait(false))
        {
            held.Add(session);
        }

        DateTimeOffset now = _context.TimeProvider.GetUtcNow();
        List<RetentionDecision> decisions = [];
        IReadOnlyList<SnapshotInfo> snapshots = await ListAsync(cancellationToken).ConfigureAwait(false);
        foreach (IGrouping<string, SnapshotInfo> image in snapshots.Where(snapshot => images.Count == 0 || images.Contains(snapshot.Image))
            .GroupBy(static snapshot => snapshot.Image, StringComparer.Ordinal).OrderBy(static group => group.Key, StringComparer.Ordinal))
        {
            Dictionary<RetentionCandidate, SnapshotInfo> candidates = image.ToDictionary(snapshot => new RetentionCandidate
            {
                Sequence = snapshot.Committed.PlaceInSequence,
                CreatedAt = snapshot.CreatedAt,
                CommittedAt = committedAt.GetValueOrDefault(snapshot.Id),
                IsHeld = held.Contains(snapshot.Committed.Id),
                Tags = snapshot.Tags,
            });
            List<RetentionCandidate> ordered = [.. candidates.Keys];
            RetentionPlanner.Plan(policy, ordered, now);
            decisions.AddRange(ordered.Select(candidate => new RetentionDecision(
                candidates[candidate],
                candidate.Reasons.Count > 0,
                candidate.Reasons.Count > 0 ? candidate.Reasons : [new RetentionReason(RetentionRule.None, "no rule keeps it")])));
        }

        return new RetentionPlan(decisions);
    }

    /// <summary>Carries out a plan: gives up the snapshots that it drops.</summary>
    /// <param name="plan">A plan of this repository.</param>
    /// <param name="options">How much may go at once.</param>
    /// <param name="cancellationToken">Ends the work; some of the snapshots may then be given up and others not.</param>
    /// <returns>The snapshots that were given up: all that the plan drops, but for those put under a hold since.</returns>
    /// <exception cref="SnapshotRepositoryException">The plan drops a larger share of an image than is allowed without confirmation: nothing was changed.</exception>
    public async Task<IReadOnlyList<SnapshotInfo>> PruneAsync(RetentionPlan plan, PruneOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        double share = plan.LargestShare(out string image);
        if (share > options.MaxDroppedShare && !options.IsConfirmed)
        {
            throw new SnapshotRepositoryException(
                $"The plan drops {share:p0} of the snapshots of '{image}', more than {options.MaxDroppedShare:p0}. Nothing was changed: look at the plan, and confirm it or allow a larger share.");
        }

        List<SnapshotInfo> dropped = [];
        foreach (RetentionDecision decision in plan.Decisions.Where(static decision => !decision.IsKept))
        {
            try
            {
                await RetireAsync(decision.Snapshot.Committed.Id, $"pruned: {decision.Reasons[0].Description}", options.Signer, cancellationToken).ConfigureAwait(false);
                dropped.Add(decision.Snapshot);
            }
            catch (SnapshotHeldException exception)
            {
                Diagnostics.Log.HeldWhilePruned(_context.Logger, exception.Message);
            }
        }

        await _context.Store.FlushAsync(cancellationToken).ConfigureAwait(false);
        return dropped;
    }

    private async ValueTask<Dictionary<string, DateTimeOffset>> ReadCommitTimesAsync(CancellationToken cancellationToken)
    {
        Dictionary<string, DateTimeOffset> times = new(StringComparer.Ordinal);
        await foreach (ObjectInfo info in _context.Store.ListAsync(ObjectNames.Sessions, null, cancellationToken).ConfigureAwait(false))
        {
            if (ObjectNames.TryParseSession(info.Name, out SessionId session, out string part) && part == "fate")
            {
                times[session.ToString()] = info.LastModified;
            }
        }

        return times;
    }
}
