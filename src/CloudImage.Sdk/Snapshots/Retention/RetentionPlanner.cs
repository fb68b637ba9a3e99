using System;
using System.Collections.Generic;
using System.Globalization;

namespace CloudImage.Sdk.Snapshots.Retention;

/// <summary>Applies a policy to the snapshots of one image. Reads no clock and no store.</summary>
internal static class RetentionPlanner
{
    /// <summary>Gives every candidate the reasons to keep it; one without a reason goes.</summary>
    /// <param name="policy">The rules.</param>
    /// <param name="candidates">The snapshots of one image; put in the order of their numbers.</param>
    /// <param name="now">The time that the minimum age counts from.</param>
    public static void Plan(RetentionPolicy policy, List<RetentionCandidate> candidates, DateTimeOffset now)
    {
        candidates.Sort(static (left, right) => left.Sequence.CompareTo(right.Sequence));
        List<RetentionCandidate> trusted = FindTrusted(policy, candidates);
        KeepLast(policy, candidates);
        KeepPeriods(trusted, policy.KeepHourly, RetentionRule.Hourly, static time => time.ToString("yyyy-MM-dd HH'h'", CultureInfo.InvariantCulture));
        KeepPeriods(trusted, policy.KeepDaily, RetentionRule.Daily, static time => time.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
        KeepPeriods(trusted, policy.KeepWeekly, RetentionRule.Weekly, static time =>
            string.Create(CultureInfo.InvariantCulture, $"{ISOWeek.GetYear(time):d4}-W{ISOWeek.GetWeekOfYear(time):d2}"));
        KeepPeriods(trusted, policy.KeepMonthly, RetentionRule.Monthly, static time => time.ToString("yyyy-MM", CultureInfo.InvariantCulture));
        KeepPeriods(trusted, policy.KeepYearly, RetentionRule.Yearly, static time => time.ToString("yyyy", CultureInfo.InvariantCulture));
        KeepWithin(policy, trusted);
        foreach (RetentionCandidate candidate in candidates)
        {
            KeepTagged(policy, candidate);
            KeepAlways(policy, candidate, now);
        }
    }

    // A time that runs backwards along the numbers, or lies after the moment at which the store saw the commit, decides nothing:
    // a clock that was wrong for a day would else fill the periods of years, or empty them.
    private static List<RetentionCandidate> FindTrusted(RetentionPolicy policy, List<RetentionCandidate> candidates)
    {
        List<RetentionCandidate> trusted = [];
        foreach (RetentionCandidate candidate in candidates)
        {
            bool isTold = candidate.CommittedAt > DateTimeOffset.MinValue;
            if (isTold && candidate.CreatedAt - candidate.CommittedAt > policy.ClockTolerance)
            {
                candidate.Reasons.Add(new RetentionReason(
                    RetentionRule.UncertainTime, $"created {candidate.CreatedAt:u}, which is after {candidate.CommittedAt:u}, when the store saw it committed"));
            }
            else if (trusted.Count > 0 && trusted[^1].CreatedAt - candidate.CreatedAt > policy.ClockTolerance)
            {
                candidate.Reasons.Add(new RetentionReason(
                    RetentionRule.UncertainTime, $"created {candidate.CreatedAt:u}, which is before number {trusted[^1].Sequence} of {trusted[^1].CreatedAt:u}"));
            }
            else
            {
                trusted.Add(candidate);
            }
        }

        return trusted;
    }

    private static void KeepLast(RetentionPolicy policy, List<RetentionCandidate> candidates)
    {
        int count = Math.Min(policy.KeepLast, candidates.Count);
        for (int index = 1; index <= count; index++)
        {
            candidates[^index].Reasons.Add(new RetentionReason(RetentionRule.Last, $"last, {index} of {policy.KeepLast}"));
        }
    }

    private static void KeepPeriods(List<RetentionCandidate> trusted, int count, RetentionRule rule, Func<DateTime, string> nameOf)
    {
        string? last = null;
        int kept = 0;
        for (int index = trusted.Count - 1; index >= 0 && kept < count; index--)
        {
            string period = nameOf(trusted[index].CreatedAt.UtcDateTime);
            if (period != last)
            {
                last = period;
                kept++;
                trusted[index].Reasons.Add(new RetentionReason(rule, $"{rule.ToString().ToLowerInvariant()} {period}, {kept} of {count}"));
            }
        }
    }

    private static void KeepWithin(RetentionPolicy policy, List<RetentionCandidate> trusted)
    {
        if (policy.KeepWithin == TimeSpan.Zero)
        {
            return;
        }

        foreach (RetentionCandidate candidate in trusted)
        {
            TimeSpan distance = trusted[^1].CreatedAt - candidate.CreatedAt;
            if (distance <= policy.KeepWithin)
            {
                candidate.Reasons.Add(new RetentionReason(RetentionRule.Within, $"within {Show(policy.KeepWithin)} of the newest"));
            }
        }
    }

    private static void KeepTagged(RetentionPolicy policy, RetentionCandidate candidate)
    {
        foreach (string wanted in policy.KeepTags)
        {
            foreach ((string key, string value) in candidate.Tags)
            {
                if (wanted == key || wanted == $"{key}={value}")
                {
                    candidate.Reasons.Add(new RetentionReason(RetentionRule.Tag, $"tag {wanted}"));
                    break;
                }
            }
        }
    }

    private static void KeepAlways(RetentionPolicy policy, RetentionCandidate candidate, DateTimeOffset now)
    {
        if (candidate.IsHeld)
        {
            candidate.Reasons.Add(new RetentionReason(RetentionRule.Hold, "legal hold"));
        }

        DateTimeOffset youngest = candidate.CreatedAt > candidate.CommittedAt ? candidate.CreatedAt : candidate.CommittedAt;
        if (policy.MinimumAge > TimeSpan.Zero && now - youngest < policy.MinimumAge)
        {
            candidate.Reasons.Add(new RetentionReason(RetentionRule.MinimumAge, $"younger than {Show(policy.MinimumAge)}"));
        }
    }

    private static string Show(TimeSpan span) =>
        span.Days > 0 && span == TimeSpan.FromDays(span.Days) ? $"{span.Days} days" : span.ToString("c", CultureInfo.InvariantCulture);
}
