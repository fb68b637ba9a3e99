using System;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Collection;
using CloudImage.Sdk.Storage;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots.Collection;

public class ProbeTests
{
    [Fact]
    public async Task Probe_StoreThatKeepsTheAxioms_IsSafeAndLeavesNothing()
    {
        MemoryObjectStore store = new();
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, SnapshotTestData.SmallChunks);
        Assert.True((await repository.ProbeAsync()).IsSafe);
        Assert.DoesNotContain((await SnapshotTestData.DumpAsync(store)).Keys, static name => name[0] == 'x');
        Assert.False((await repository.CollectAsync(CollectOptions.Default, null)).IsAgeBased);
    }

    [Fact]
    public async Task Collect_StoreThatOverwrites_WaitsForItsTimeAndSaysSo()
    {
        OverwritingStore store = new(new MemoryObjectStore());
        Clock clock = new();
        await using (SnapshotRepository created = await SnapshotRepository.CreateAsync(new UnownedStore(store), SnapshotTestData.SmallChunks))
        {
            Assert.False((await created.ProbeAsync()).RefusesSecondCreate);
        }

        await using SnapshotRepository repository = await SnapshotRepository.OpenAsync(store, new SnapshotRepositoryOpenOptions { TimeProvider = clock });
        byte[] content = SnapshotTestData.Mixed(1 << 20, 1);
        string old = (await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null)).Id;
        await repository.DeleteAsync(old);
        CollectResult condemned = await repository.CollectAsync(CollectOptions.Default, null);
        Assert.True(condemned is { IsAgeBased: true, Generation: 1, DeletedPacks: 0 });
        Assert.Equal(clock.Now + CollectOptions.Default.GracePeriod, condemned.WaitsUntil);
        clock.Now += TimeSpan.FromDays(6);
        Assert.Equal(0, (await repository.CollectAsync(CollectOptions.Default, null)).DeletedPacks);
        clock.Now += TimeSpan.FromDays(2);
        Assert.True((await repository.CollectAsync(CollectOptions.Default, null)).DeletedPacks > 0);
        Assert.DoesNotContain((await SnapshotTestData.DumpAsync(store)).Keys, static name => name[0] is 'p' or 'm');
    }

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = DateTimeOffset.UnixEpoch.AddYears(50);

        public override DateTimeOffset GetUtcNow() => Now;
    }

    private sealed class OverwritingStore(ObjectStore inner) : DelegatingObjectStore(inner)
    {
        protected override async ValueTask<bool> TryCreateCoreAsync(string name, ReadOnlyMemory<byte> content, ObjectCreateOptions options, CancellationToken cancellationToken)
        {
            await Inner.DeleteAsync([name], cancellationToken);
            return await Inner.TryCreateAsync(name, content, options, cancellationToken);
        }
    }
}
