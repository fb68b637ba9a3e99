using System;
using System.Collections.Generic;
using System.Linq;
using CloudImage.Sdk.Snapshots.Retention;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots.Retention;

public class RetentionPlannerTests
{
    private static readonly DateTimeOffset s_start = new(2026, 1, 1, 0, 30, 0, TimeSpan.Zero);

    [Fact]
    public void Last_KeepsByNumber_WhateverTheClocksSay()
    {
        List<RetentionCandidate> candidates = Every(TimeSpan.FromHours(-1), 5);
        Plan(new RetentionPolicy { KeepLast = 2, ClockTolerance = TimeSpan.MaxValue }, candidates);
        Assert.Equal([4L, 5L], Kept(candidates));
    }

    [Fact]
    public void Periods_KeepTheNewestOfEach()
    {
        // Every 6 hours for 40 days, from 1 January at 0:30; the last is of 9 February, 18:30.
        List<RetentionCandidate> candidates = Every(TimeSpan.FromHours(6), 160);
        Plan(new RetentionPolicy { KeepHourly = 2, KeepDaily = 3, KeepMonthly = 2 }, candidates);
        Assert.Equal(
            [
                new DateTime(2026, 1, 31, 18, 30, 0),
                new DateTime(2026, 2, 7, 18, 30, 0),
                new DateTime(2026, 2, 8, 18, 30, 0),
                new DateTime(2026, 2, 9, 12, 30, 0),
                new DateTime(2026, 2, 9, 18, 30, 0),
            ],
            candidates.Where(static candidate => candidate.Reasons.Count > 0).Select(static candidate => candidate.CreatedAt.UtcDateTime));
        Assert.Equal(["hourly 2026-02-09 18h, 1 of 2", "daily 2026-02-09, 1 of 3", "monthly 2026-02, 1 of 2"], candidates[^1].Reasons.Select(static reason => reason.Description));
    }

    [Fact]
    public void Weeks_BeginOnMonday_AndYearsOfWeeksAreIso()
    {
        // 2026-12-28 is a Monday; 2027-01-03 is the Sunday of the same ISO week 2026-W53.
        List<RetentionCandidate> candidates = [At(1, 2026, 12, 27), At(2, 2026, 12, 28), At(3, 2027, 1, 3), At(4, 2027, 1, 4)];
        Plan(new RetentionPolicy { KeepWeekly = 2 }, candidates);
        Assert.Equal([3L, 4L], Kept(candidates));
        Assert.Equal("weekly 2026-W53, 2 of 2", candidates[2].Reasons[0].Description);
    }

    [Fact]
    public void Yearly_SkipsYearsWithoutASnapshot()
    {
        List<RetentionCandidate> candidates = [At(1, 2019, 5, 1), At(2, 2021, 5, 1), At(3, 2021, 6, 1), At(4, 2026, 1, 1)];
        Plan(new RetentionPolicy { KeepYearly = 3 }, candidates);
        Assert.Equal([1L, 3L, 4L], Kept(candidates));
    }

    [Fact]
    public void Within_CountsFromTheNewest()
    {
        List<RetentionCandidate> candidates = Every(TimeSpan.FromDays(1), 10);
        Plan(new RetentionPolicy { KeepWithin = TimeSpan.FromDays(2) }, candidates);
        Assert.Equal([8L, 9L, 10L], Kept(candidates));
    }

    [Fact]
    public void Tags_MatchByKeyOrByKeyAndValue()
    {
        RetentionCandidate release = At(1, 2026, 1, 1, KeyValuePair.Create("release", "1.0"));
        RetentionCandidate nightly = At(2, 2026, 1, 2, KeyValuePair.Create("kind", "nightly"));
        RetentionCandidate weekly = At(3, 2026, 1, 3, KeyValuePair.Create("kind", "weekly"));
        Plan(new RetentionPolicy { KeepTags = ["release", "kind=weekly"] }, [release, nightly, weekly]);
        Assert.Equal("tag release", Assert.Single(release.Reasons).Description);
        Assert.Empty(nightly.Reasons);
        Assert.Equal(RetentionRule.Tag, Assert.Single(weekly.Reasons).Rule);
    }

    [Fact]
    public void Time_RunningBackwards_KeepsAndTakesNoPeriod()
    {
        List<RetentionCandidate> candidates = [At(1, 2026, 3, 1), At(2, 2026, 3, 5), At(3, 2020, 3, 3), At(4, 2026, 3, 6)];
        Plan(new RetentionPolicy { KeepDaily = 1 }, candidates);
        Assert.Equal([3L, 4L], Kept(candidates));
        Assert.Equal(RetentionRule.UncertainTime, Assert.Single(candidates[2].Reasons).Rule);
        Assert.Contains("before number 2", candidates[2].Reasons[0].Description, StringComparison.Ordinal);
    }

    [Fact]
    public void Time_AfterTheCommit_IsDoubted_AndDoesNotMakeTheNextOnesBackwards()
    {
        RetentionCandidate future = new() { Sequence = 2, CreatedAt = s_start.AddYears(10), CommittedAt = s_start.AddDays(1), IsHeld = false, Tags = [] };
        List<RetentionCandidate> candidates = [At(1, 2026, 1, 1), future, At(3, 2026, 1, 3), At(4, 2026, 1, 4)];
        Plan(new RetentionPolicy { KeepYearly = 1 }, candidates);
        Assert.Equal([2L, 4L], Kept(candidates));
        Assert.Equal(RetentionRule.UncertainTime, Assert.Single(future.Reasons).Rule);
    }

    [Fact]
    public void MinimumAge_CountsFromTheStoresTime_WhereTheWriterSaysEarlier()
    {
        DateTimeOffset now = s_start.AddDays(10);
        RetentionCandidate backdated = new() { Sequence = 1, CreatedAt = s_start.AddYears(-5), CommittedAt = now.AddHours(-1), IsHeld = false, Tags = [] };
        RetentionCandidate old = new() { Sequence = 2, CreatedAt = s_start, CommittedAt = s_start, IsHeld = false, Tags = [] };
        RetentionCandidate newest = new() { Sequence = 3, CreatedAt = s_start.AddDays(1), CommittedAt = s_start.AddDays(1), IsHeld = false, Tags = [] };
        List<RetentionCandidate> candidates = [backdated, old, newest];
        RetentionPlanner.Plan(new RetentionPolicy { KeepLast = 1, MinimumAge = TimeSpan.FromDays(2) }, candidates, now);
        Assert.Equal([1L, 3L], Kept(candidates));
        Assert.Equal("younger than 2 days", Assert.Single(backdated.Reasons).Description);
    }

    [Fact]
    public void Hold_KeepsBesideEveryRule()
    {
        RetentionCandidate held = new() { Sequence = 1, CreatedAt = s_start, CommittedAt = s_start, IsHeld = true, Tags = [] };
        List<RetentionCandidate> candidates = [held, At(2, 2026, 1, 2)];
        Plan(new RetentionPolicy { KeepLast = 1 }, candidates);
        Assert.Equal(RetentionRule.Hold, Assert.Single(held.Reasons).Rule);
    }

    [Fact]
    public void Policy_WithoutARule_IsRefused()
    {
        Assert.Throws<ArgumentException>(new RetentionPolicy { MinimumAge = TimeSpan.FromDays(1) }.Validate);
        Assert.Throws<ArgumentOutOfRangeException>(new RetentionPolicy { KeepLast = 1, KeepDaily = -1 }.Validate);
        new RetentionPolicy { KeepYearly = 1 }.Validate();
    }

    private static void Plan(RetentionPolicy policy, List<RetentionCandidate> candidates) => RetentionPlanner.Plan(policy, candidates, s_start.AddYears(100));

    private static IEnumerable<long> Kept(List<RetentionCandidate> candidates) =>
        candidates.Where(static candidate => candidate.Reasons.Count > 0).Select(static candidate => candidate.Sequence);

    private static List<RetentionCandidate> Every(TimeSpan step, int count)
    {
        List<RetentionCandidate> candidates = [];
        for (int index = 0; index < count; index++)
        {
            DateTimeOffset time = s_start + (index * step);
            candidates.Add(new RetentionCandidate { Sequence = index + 1, CreatedAt = time, CommittedAt = time, IsHeld = false, Tags = [] });
        }

        return candidates;
    }

    private static RetentionCandidate At(long sequence, int year, int month, int day, params KeyValuePair<string, string>[] tags)
    {
        DateTimeOffset time = new(year, month, day, 12, 0, 0, TimeSpan.Zero);
        return new RetentionCandidate { Sequence = sequence, CreatedAt = time, CommittedAt = time, IsHeld = false, Tags = tags };
    }
}
