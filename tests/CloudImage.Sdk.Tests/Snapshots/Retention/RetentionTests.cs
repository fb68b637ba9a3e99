using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Retention;
using CloudImage.Sdk.Storage;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots.Retention;

public class RetentionTests
{
    private static readonly DateTimeOffset s_start = new(2026, 5, 4, 3, 0, 0, TimeSpan.Zero);
    private readonly ManualClock _clock = new(s_start);

    [Fact]
    public async Task Prune_DropsWhatThePlanSays_AndTheRestReads()
    {
        await using SnapshotRepository repository = await CreateAsync();
        string[] web = await CaptureDaysAsync(repository, "web", 4);
        string[] data = await CaptureDaysAsync(repository, "data", 2);
        RetentionPlan plan = await repository.PlanRetentionAsync(new RetentionPolicy { KeepLast = 1 }, []);
        Assert.Equal(6, (await repository.ListAsync()).Count);
        Assert.Equal(2, plan.KeptCount);
        Assert.All(plan.Decisions, static decision => Assert.NotEmpty(decision.Reasons));

        IReadOnlyList<SnapshotInfo> dropped = await repository.PruneAsync(plan, PruneOptions.Default);
        Assert.Equal([data[0], .. web[..3]], dropped.Select(static snapshot => snapshot.Id));
        Assert.Equal([data[1], web[3]], (await repository.ListAsync()).Select(static snapshot => snapshot.Id));
        Assert.Equal(SnapshotTestData.Mixed(300_000, 3), await SnapshotTestData.ReadAllAsync(repository, web[3]));
        Assert.Empty((await repository.VerifyAsync(VerifyOptions.Default, null)).Problems);
    }

    [Fact]
    public async Task Plan_OfOneImage_LeavesTheOthersOut()
    {
        await using SnapshotRepository repository = await CreateAsync();
        await CaptureDaysAsync(repository, "web", 3);
        await CaptureDaysAsync(repository, "data", 3);
        RetentionPlan plan = await repository.PlanRetentionAsync(new RetentionPolicy { KeepLast = 1 }, ["web"]);
        Assert.Equal(["web", "web", "web"], plan.Decisions.Select(static decision => decision.Snapshot.Image));
    }

    [Fact]
    public async Task Prune_OfTooMuch_ChangesNothing_UnlessConfirmed()
    {
        await using SnapshotRepository repository = await CreateAsync();
        await CaptureDaysAsync(repository, "web", 4);
        RetentionPlan plan = await repository.PlanRetentionAsync(new RetentionPolicy { KeepLast = 1 }, []);
        PruneOptions half = new() { MaxDroppedShare = 0.5 };
        SnapshotRepositoryException refused = await Assert.ThrowsAsync<SnapshotRepositoryException>(() => repository.PruneAsync(plan, half));
        Assert.Contains("'web'", refused.Message, StringComparison.Ordinal);
        Assert.Equal(4, (await repository.ListAsync()).Count);
        await repository.PruneAsync(plan, new PruneOptions { MaxDroppedShare = 0.5, IsConfirmed = true });
        Assert.Single(await repository.ListAsync());
    }

    [Fact]
    public async Task Hold_StopsDeletionAndPruning_UntilItIsReleased()
    {
        await using SnapshotRepository repository = await CreateAsync();
        string[] ids = await CaptureDaysAsync(repository, "web", 3);
        SnapshotHold hold = await repository.HoldAsync(ids[0], "case 4711");
        Assert.Equal("case 4711", Assert.Single(await repository.ListHoldsAsync()).Reason);
        Assert.Equal(hold.Id, (await repository.ListHoldsAsync())[0].Id);
        await Assert.ThrowsAsync<SnapshotHeldException>(() => repository.DeleteAsync(ids[0]));
        RetentionPlan plan = await repository.PlanRetentionAsync(new RetentionPolicy { KeepLast = 1 }, []);
        Assert.Equal([RetentionRule.Hold], plan.Decisions[0].Reasons.Select(static reason => reason.Rule));

        // A hold that comes between plan and prune is kept too.
        await repository.HoldAsync(ids[1], string.Empty);
        Assert.Empty(await repository.PruneAsync(plan, PruneOptions.Default));
        Assert.Equal(1, await repository.ReleaseHoldsAsync(ids[1]));
        Assert.Equal(0, await repository.ReleaseHoldsAsync(ids[1]));
        Assert.Equal(ids[1], Assert.Single(await repository.PruneAsync(plan, PruneOptions.Default)).Id);
        Assert.Equal(1, await repository.ReleaseHoldsAsync(ids[0]));
        await repository.DeleteAsync(ids[0]);
        Assert.Equal(ids[2], Assert.Single(await repository.ListAsync()).Id);
        Assert.Empty((await repository.VerifyAsync(VerifyOptions.Default, null)).Problems);
    }

    [Fact]
    public async Task Hold_OfASnapshotGivenUp_IsRefused_AndStandsNowhere()
    {
        await using SnapshotRepository repository = await CreateAsync();
        string id = (await CaptureDaysAsync(repository, "web", 1))[0];
        await repository.DeleteAsync(id);
        await Assert.ThrowsAsync<SnapshotNotFoundException>(() => repository.HoldAsync(id, string.Empty));
        Assert.Empty(await repository.ListHoldsAsync());
    }

    [Fact]
    public async Task MinimumAge_IsOfTheStoresTime()
    {
        await using SnapshotRepository repository = await CreateAsync();
        await CaptureDaysAsync(repository, "web", 3);
        RetentionPolicy policy = new() { KeepLast = 1, MinimumAge = TimeSpan.FromHours(36) };
        Assert.Equal(1, (await repository.PlanRetentionAsync(policy, [])).DroppedCount);
        _clock.Now += TimeSpan.FromDays(7);
        Assert.Equal(2, (await repository.PlanRetentionAsync(policy, [])).DroppedCount);
    }

    private async Task<SnapshotRepository> CreateAsync()
    {
        MemoryObjectStore store = new(_clock);
        (await SnapshotRepository.CreateAsync(new UnownedStore(store), SnapshotTestData.SmallChunks)).Dispose();
        return await SnapshotRepository.OpenAsync(store, new SnapshotRepositoryOpenOptions { TimeProvider = _clock });
    }

    private async Task<string[]> CaptureDaysAsync(SnapshotRepository repository, string image, int count)
    {
        string[] ids = new string[count];
        for (int index = 0; index < count; index++)
        {
            _clock.Now = s_start.AddDays(index);
            ids[index] = (await repository.CaptureAsync(new ModelDisk(SnapshotTestData.Mixed(300_000, index)), SnapshotTestData.Capture(image), null)).Id;
        }

        return ids;
    }
}
