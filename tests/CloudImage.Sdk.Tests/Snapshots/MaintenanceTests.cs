using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Replication;
using CloudImage.Sdk.Snapshots.Retention;
using CloudImage.Sdk.Storage;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots;

public class MaintenanceTests
{
    private const int Length = 2 << 20;

    [Fact]
    public async Task Statistics_SharedAndOwnChunks_AddUp()
    {
        byte[] content = SnapshotTestData.Mixed(Length, 41);
        MemoryObjectStore store = new();
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, SnapshotTestData.SmallChunks);
        await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null);
        byte[] changed = [.. content];
        new Random(1).NextBytes(changed.AsSpan(70_000, 10));
        await repository.CaptureAsync(new ModelDisk(changed), SnapshotTestData.Capture("disk"), null);
        RepositoryStatistics statistics = await repository.GetStatisticsAsync();
        Assert.Equal(2 * Length, statistics.LogicalBytes);
        Assert.Equal(2, statistics.Snapshots.Count);
        Assert.All(statistics.Snapshots, static snapshot => Assert.InRange(snapshot.ExclusiveBytes, 1, 65536 + 20000));
        Assert.Equal(statistics.Snapshots[0].ReferencedBytes + statistics.Snapshots[1].ExclusiveBytes, statistics.ReferencedBytes);
        Assert.Equal((await SnapshotTestData.DumpAsync(store)).Sum(static pair => (long)pair.Value.Length), statistics.StoredBytes);
    }

    [Theory]
    [InlineData("p/")]
    [InlineData("m/")]
    public async Task Repair_DamagedPack_FromDiskAndFromReplica(string prefix)
    {
        byte[] content = SnapshotTestData.Mixed(Length, 42);
        MemoryObjectStore store = new();
        await using SnapshotRepository replica = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
        await replica.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("copy"), null);
        string id;
        await using (SnapshotRepository good = await SnapshotRepository.CreateAsync(new UnownedStore(store), SnapshotTestData.SmallChunks))
        {
            id = (await good.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null)).Id;
        }

        Dictionary<string, byte[]> objects = await SnapshotTestData.DumpAsync(store);
        string pack = objects.Keys.First(name => name.StartsWith(prefix, StringComparison.Ordinal));
        objects[pack] = [.. objects[pack]];
        objects[pack][200] ^= 4;
        foreach (bool usesReplica in new[] { false, true })
        {
            await using SnapshotRepository repository = await SnapshotRepository.OpenAsync(await SnapshotTestData.StoreOfAsync(objects));
            await Assert.ThrowsAsync<SnapshotRepositoryException>(() => repository.RepairAsync(id, new ModelDisk(new byte[Length])));
            CaptureResult? repaired = usesReplica ? await repository.RepairAsync(id, replica) : await repository.RepairAsync(id, new ModelDisk(content));
            Assert.NotNull(repaired);
            Assert.Equal(content, await SnapshotTestData.ReadAllAsync(repository, repaired.Id));
            Assert.Equal(repaired.Id, Assert.Single(await repository.ListAsync()).Id);
            Assert.Null(await repository.RepairAsync(repaired.Id, new ModelDisk(content)));
        }
    }

    [Fact]
    public async Task Layers_ComposedAndRebased_ReadAsTheModel()
    {
        byte[] baseContent = SnapshotTestData.Mixed(Length, 43);
        byte[] layerContent = [.. baseContent];
        new Random(44).NextBytes(layerContent.AsSpan(300_000 / 4096 * 4096, 8192));
        ModelDisk overlay = new(layerContent);
        for (int grain = 0; grain < Length / 4096; grain++)
        {
            bool isChanged = !layerContent.AsSpan(grain * 4096, 4096).SequenceEqual(baseContent.AsSpan(grain * 4096, 4096));
            overlay.SetKind(grain, isChanged ? DiskExtentKind.Data : DiskExtentKind.Unmapped);
        }

        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
        string oldBase = (await repository.CaptureAsync(new ModelDisk(baseContent), SnapshotTestData.Capture("base"), null)).Id;
        CaptureResult layer = await repository.CaptureAsync(
            overlay, new CaptureOptions { Image = "layer", AsLayer = true, LayerBase = new ModelDisk(baseContent) }, null);
        Assert.True(layer.Snapshot.IsLayer);
        CaptureResult composed = await repository.ComposeAsync([layer.Id, oldBase], SnapshotTestData.Capture("whole"));
        Assert.False(composed.Snapshot.IsLayer);
        Assert.Equal(0, composed.NewChunks);
        Assert.Equal(layerContent, await SnapshotTestData.ReadAllAsync(repository, composed.Id));

        byte[] newContent = [.. baseContent];
        new Random(45).NextBytes(newContent.AsSpan((300_000 / 4096 * 4096) + 16384, 4096));
        new Random(46).NextBytes(newContent.AsSpan(1_500_000, 4096));
        string newBase = (await repository.CaptureAsync(new ModelDisk(newContent), SnapshotTestData.Capture("base"), null)).Id;
        RebaseResult rebased = await repository.RebaseAsync(layer.Id, oldBase, newBase, SnapshotTestData.Capture("layer"));
        Assert.Empty(rebased.Conflicts);
        CaptureResult onNew = await repository.ComposeAsync([rebased.Layer!.Id, newBase], SnapshotTestData.Capture("whole"));
        byte[] expected = [.. newContent];
        layerContent.AsSpan(300_000 / 4096 * 4096, 8192).CopyTo(expected.AsSpan(300_000 / 4096 * 4096));
        Assert.Equal(expected, await SnapshotTestData.ReadAllAsync(repository, onNew.Id));

        byte[] clashing = [.. baseContent];
        new Random(47).NextBytes(clashing.AsSpan((300_000 / 4096 * 4096) + 4096, 4096));
        string clash = (await repository.CaptureAsync(new ModelDisk(clashing), SnapshotTestData.Capture("base"), null)).Id;
        RebaseResult refused = await repository.RebaseAsync(layer.Id, oldBase, clash, SnapshotTestData.Capture("layer"));
        Assert.Null(refused.Layer);
        Assert.Equal(new DiskExtent((300_000 / 4096 * 4096) + 4096, 4096, DiskExtentKind.Data), Assert.Single(refused.Conflicts));
        Assert.Empty((await repository.VerifyAsync(VerifyOptions.Default, null)).Problems);
    }

    [Fact]
    public async Task Repair_OfAnOlderSnapshot_DoesNotMakeItTheLatest()
    {
        byte[] first = SnapshotTestData.Mixed(Length, 51);
        byte[] second = [.. first];
        new Random(52).NextBytes(second.AsSpan(100_000, 1000));
        byte[] third = [.. second];
        new Random(53).NextBytes(third.AsSpan(900_000, 1000));
        MemoryObjectStore store = new();
        string oldest, newest;
        string pack;
        await using (SnapshotRepository good = await SnapshotRepository.CreateAsync(new UnownedStore(store), SnapshotTestData.SmallChunks))
        {
            oldest = (await good.CaptureAsync(new ModelDisk(first), SnapshotTestData.Capture("disk"), null)).Id;
            pack = (await SnapshotTestData.DumpAsync(store)).Keys.First(static name => name.StartsWith("p/", StringComparison.Ordinal));
            newest = (await good.CaptureAsync(new ModelDisk(second), SnapshotTestData.Capture("disk"), null)).Id;
        }

        Dictionary<string, byte[]> objects = await SnapshotTestData.DumpAsync(store);
        objects[pack] = [.. objects[pack]];
        objects[pack][200] ^= 4;
        await using SnapshotRepository repository = await SnapshotRepository.OpenAsync(await SnapshotTestData.StoreOfAsync(objects));
        newest = (await repository.RepairAsync(newest, new ModelDisk(second)))!.Id;
        CaptureResult mended = (await repository.RepairAsync(oldest, new ModelDisk(first)))!;
        Assert.Equal(4, mended.Snapshot.Sequence);
        Assert.Equal(newest, (await repository.FindLatestAsync("disk"))!.Id);

        // What changed since the newest is told to a capture that goes on from it.
        BlockMap changes = new([new DiskExtent(900_000, 1000, DiskExtentKind.Data)]);
        CaptureResult next = await repository.CaptureAsync(new ModelDisk(third), new CaptureOptions { Image = "disk", ChangeMap = changes }, null);
        Assert.Equal(newest, next.Snapshot.ParentId);
        Assert.Equal(third, await SnapshotTestData.ReadAllAsync(repository, next.Id));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Copies_OfAMendedSnapshot_StandWhereItStands(bool knowsTheDamaged)
    {
        byte[][] contents = new byte[4][];
        contents[0] = SnapshotTestData.Mixed(Length, 61);
        MemoryObjectStore store = new();
        List<string> ids = [];
        string pack;
        await using (SnapshotRepository good = await SnapshotRepository.CreateAsync(new UnownedStore(store), SnapshotTestData.SmallChunks))
        {
            for (int version = 0; version < 4; version++)
            {
                if (version > 0)
                {
                    contents[version] = [.. contents[version - 1]];
                    // The last version writes over what the second one wrote, so that it is whole without that one's pack.
                    new Random(version).NextBytes(contents[version].AsSpan(version * 200_000, 70_000));
                    new Random(version + 10).NextBytes(contents[version].AsSpan(200_000, version == 3 ? 70_000 : 0));
                }

                ids.Add((await good.CaptureAsync(new ModelDisk(contents[version]), SnapshotTestData.Capture("disk"), null)).Id);
            }

            Dictionary<string, byte[]> all = await SnapshotTestData.DumpAsync(store);
            pack = all.Keys.First(name => name.StartsWith($"p/{ids[1]}", StringComparison.Ordinal));
        }

        MemoryObjectStore copied = new();
        Dictionary<string, byte[]> objects = await SnapshotTestData.DumpAsync(store);
        await using (SnapshotRepository good = await SnapshotRepository.OpenAsync(new UnownedStore(store)))
        await using (SnapshotRepository copy = await SnapshotRepository.CreateAsync(new UnownedStore(copied), SnapshotTestData.SmallChunks))
        {
            ReplicationOptions some = new() { SnapshotIds = knowsTheDamaged ? [ids[0], ids[1], ids[3]] : [ids[0], ids[3]] };
            await good.CopyToAsync([copy], some, null);
        }

        objects[pack] = [.. objects[pack]];
        objects[pack][200] ^= 4;
        await using SnapshotRepository source = await SnapshotRepository.OpenAsync(await SnapshotTestData.StoreOfAsync(objects));
        foreach (string damaged in ids[1..3])
        {
            await source.RepairAsync(damaged, new ModelDisk(contents[ids.IndexOf(damaged)]));
        }

        await using SnapshotRepository destination = await SnapshotRepository.OpenAsync(new UnownedStore(copied));
        await using SnapshotRepository empty = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
        ReplicationResult result = await source.CopyToAsync([destination, empty], ReplicationOptions.Default, null);
        Assert.Equal(2, result.Destinations[0].Copied.Count);
        foreach (SnapshotRepository repository in new[] { source, destination, empty })
        {
            // The content of the last version is what the next capture goes on from, whichever snapshot holds it.
            Assert.Equal(contents[3], await SnapshotTestData.ReadAllAsync(repository, (await repository.FindLatestAsync("disk"))!.Id));
        }

        // Where all are copied at once each has its own number in the right order, and no copy says that it stands elsewhere.
        Assert.DoesNotContain(await empty.ListAsync(), static snapshot => snapshot.Tags.Any(static tag => tag.Key == "cloudimage.mends"));
        Assert.Equal(
            contents.Select(static content => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(content))),
            await Task.WhenAll((await empty.ListAsync()).OrderBy(static snapshot => snapshot.Sequence).Select(async snapshot =>
                Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(await SnapshotTestData.ReadAllAsync(empty, snapshot.Id))))));

        // A copy of a copy keeps the order as well, and retention takes the places for the order.
        await using SnapshotRepository second = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
        await destination.CopyToAsync([second], ReplicationOptions.Default, null);
        Assert.Equal(contents[3], await SnapshotTestData.ReadAllAsync(second, (await second.FindLatestAsync("disk"))!.Id));
        RetentionPlan plan = await destination.PlanRetentionAsync(new RetentionPolicy { KeepLast = 1 }, ["disk"]);
        Assert.DoesNotContain(plan.Decisions.SelectMany(static decision => decision.Reasons), static reason => reason.Rule == RetentionRule.UncertainTime);
        string[] kept = [.. plan.Decisions.Where(static decision => decision.IsKept).Select(static decision => decision.Snapshot.Id)];
        Assert.Equal(contents[3], await SnapshotTestData.ReadAllAsync(destination, Assert.Single(kept)));
    }

    [Fact]
    public async Task RestoreInPlace_WritesDifferencesAlone_AndRefusesAMixture()
    {
        byte[] content = SnapshotTestData.Mixed(Length, 48);
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
        string id = (await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null)).Id;
        string folder = Directory.CreateTempSubdirectory("snapshots-in-place").FullName;
        try
        {
            string path = Path.Combine(folder, "disk.raw");
            byte[] present = [.. content];
            present.AsSpan(500_000, 10).Clear();
            present.AsSpan(1_000_000, 10).Fill(77);
            await File.WriteAllBytesAsync(path, [.. present, 1, 2, 3]);
            long written = await repository.RestoreInPlaceAsync(id, path, null);
            Assert.InRange(written, 1, 4 * 4096);
            Assert.Equal(content, await File.ReadAllBytesAsync(path));
            Assert.Equal(0, await repository.RestoreInPlaceAsync(id, path, null));

            await File.WriteAllTextAsync(path + RestoreMark.Extension, "cut off");
            Assert.Throws<CloudImageException>(() => new FileImageEditor(path));
            Assert.Equal(0, await repository.RestoreInPlaceAsync(id, path, null));
            new FileImageEditor(path).Dispose();
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }
}
