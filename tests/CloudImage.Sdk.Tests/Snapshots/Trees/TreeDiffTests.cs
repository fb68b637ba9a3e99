using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Trees;
using CloudImage.Sdk.Storage;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots.Trees;

public class TreeDiffTests
{
    [Fact]
    public async Task TwoTreesOfOneTebibyte_WithHundredScatteredChanges_LookAtFewNodes()
    {
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotRepositoryOptions.Default);
        const long Length = 1L << 40;
        Random random = new(7);
        HashSet<long> changed = [];
        while (changed.Count < 100)
        {
            changed.Add(random.NextInt64(Length / repository.ChunkSize));
        }

        SnapshotDescriptor older = await SyntheticTree.BuildAsync(repository, Length, changed, new HashSet<long>(), 1);
        SnapshotDescriptor newer = await SyntheticTree.BuildAsync(repository, Length, changed, changed, 2);
        TreeDiff diff = new(new SnapshotTree(repository.Context, older), new SnapshotTree(repository.Context, newer));
        List<DiskExtent> changes = await diff.CompareAsync(IoMode.Asynchronous, CancellationToken.None);
        Assert.Equal(
            changed.Order().Select(chunk => new DiskExtent(chunk * repository.ChunkSize, repository.ChunkSize, DiskExtentKind.Data)),
            changes);
        Assert.InRange(diff.Nodes, 100, 330);
    }
}
