using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.Compression;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Qcow2;
using CloudImage.Sdk.Formats.Vhd;
using CloudImage.Sdk.Formats.Vhdx;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Changes;
using CloudImage.Sdk.Storage;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots.Changes;

public sealed class ChangesTests : IDisposable
{
    private const int Length = 4 << 20;
    private readonly string _folder = Directory.CreateTempSubdirectory("snapshot-changes").FullName;

    public void Dispose() => Directory.Delete(_folder, true);

    [Theory]
    [InlineData("qcow2")]
    [InlineData("vhd")]
    [InlineData("vhdx")]
    public async Task Overlay_OverTheOlderState_ReadsAsTheNewer_AndHoldsLittle(string format)
    {
        (SnapshotRepository repository, string older, string newer, byte[] _, byte[] changed) = await CaptureTwoAsync();
        await using SnapshotRepository owned = repository;
        string basePath = PathOf($"base.{format}");
        await using (SnapshotDisk disk = await repository.OpenDiskAsync(older))
        using (DiskWriter writer = DiskImage.Create(basePath, Length, DiskFormatRegistry.Default.Find(format)!.ParseOptions(new Dictionary<string, string>()), WriteDurability.None))
        {
            await DiskCopier.CopyAsync(disk, writer, DiskCopyOptions.Default, null);
            await writer.CompleteAsync();
        }

        string overlayPath = PathOf($"overlay.{format}");
        await using (SnapshotDisk olderDisk = await repository.OpenDiskAsync(older))
        using (VirtualDisk parent = DiskImage.Open(basePath))
        {
            DiskReference reference = new(DiskReferenceKind.Parent, Path.GetFileName(basePath)) { FormatName = format, LinkageId = parent.Info.LinkageId };
            DiskCreateOptions options = format switch
            {
                "qcow2" => new Qcow2Options { Parent = reference, ParentContent = olderDisk },
                "vhd" => new VhdOptions { Parent = reference, BlockSize = 512 << 10 },
                _ => new VhdxOptions { Parent = reference },
            };
            using DiskWriter writer = DiskImage.Create(overlayPath, parent.Length, options, WriteDurability.None);
            await repository.CopyDifferenceAsync(older, newer, writer, DiskCopyOptions.Default, null);
            await writer.CompleteAsync();
        }

        using VirtualDisk overlay = DiskImage.Open(overlayPath, new DiskOpenOptions { References = DirectoryReferenceResolver.Beside(overlayPath) });
        byte[] read = new byte[Length];
        Assert.Equal(Length, overlay.Read(read, 0));
        Assert.True(read.AsSpan().SequenceEqual(changed));
        Assert.True(new FileInfo(overlayPath).Length < new FileInfo(basePath).Length);
    }

    [Fact]
    public async Task Stream_AppliedElsewhere_GivesTheSameRoot_AndDisk()
    {
        (SnapshotRepository repository, string older, string newer, byte[] content, byte[] changed) = await CaptureTwoAsync();
        await using SnapshotRepository owned = repository;
        string path = PathOf("changes");
        await WriteStreamAsync(repository, older, newer, path);
        Assert.True(new FileInfo(path).Length < Length / 2);
        using ChangeStreamDisk changes = ChangeStreamDisk.Open(path);
        Assert.Equal(await repository.DiffAsync(older, newer), changes.GetChanges());

        using (LayeredDisk layered = new([changes, new MemoryDisk(content)], true))
        {
            Assert.Equal(changed, await SnapshotTestData.ReadAllAsync(layered));
        }

        await using SnapshotRepository elsewhere = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
        await Assert.ThrowsAsync<SnapshotNotFoundException>(() => elsewhere.ApplyChangesAsync(changes, SnapshotTestData.Capture("disk"), null));
        await elsewhere.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("another name"), null);
        CaptureResult applied = await elsewhere.ApplyChangesAsync(changes, SnapshotTestData.Capture("disk"), null);
        Assert.Equal((await repository.GetAsync(newer)).Root, applied.Snapshot.Root);
        Assert.Equal(changed, await SnapshotTestData.ReadAllAsync(elsewhere, applied.Id));
        await Assert.ThrowsAsync<SnapshotRepositoryException>(() =>
            elsewhere.ApplyChangesAsync(changes, new CaptureOptions { Image = "disk", Parent = SnapshotParent.Of(applied.Id) }, null));
    }

    [Theory]
    [InlineData(Length - 100_000)]
    [InlineData(Length + 3_000_001)]
    public async Task Stream_InPlace_ChangesLengthToo_AndRefusesAnotherState(int newLength)
    {
        byte[] content = SnapshotTestData.Mixed(Length, 61);
        byte[] changed = new byte[newLength];
        content.AsSpan(0, Math.Min(Length, newLength)).CopyTo(changed);
        new Random(3).NextBytes(changed.AsSpan(500_000, 5000));
        changed.AsSpan(1_000_000, 300_000).Clear();
        new Random(4).NextBytes(changed.AsSpan(newLength - 50, 50));
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
        string older = (await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null)).Id;
        string newer = (await repository.CaptureAsync(new ModelDisk(changed), SnapshotTestData.Capture("disk"), null)).Id;
        string path = PathOf("changes");
        await WriteStreamAsync(repository, older, newer, path);
        using ChangeStreamDisk changes = ChangeStreamDisk.Open(path);

        string target = PathOf("disk.raw");
        content[77] ^= 1;
        await File.WriteAllBytesAsync(target, content);
        await Assert.ThrowsAsync<CloudImageException>(() => changes.ApplyInPlaceAsync(target));
        Assert.Equal(content, await File.ReadAllBytesAsync(target));
        content[77] ^= 1;
        await File.WriteAllBytesAsync(target, content);
        Assert.InRange(await changes.ApplyInPlaceAsync(target), 1, newLength);
        Assert.Equal(changed, await File.ReadAllBytesAsync(target));
        Assert.Equal([path, target], Directory.GetFiles(_folder).Order());

        // Cut off in the middle: the mark says of what, and the same changes go on.
        content.AsSpan(0, 700_000).CopyTo(changed);
        await File.WriteAllBytesAsync(target, changed);
        RestoreMark.Create(target, $"changes to {changes.NewerRoot}");
        await changes.ApplyInPlaceAsync(target);
        using FileDisk again = FileDisk.Open(target);
        Assert.Equal((await repository.GetAsync(newer)).Root, await CloudImage.Sdk.Snapshots.Trees.RootHasher.ComputeAsync(again, newLength, SnapshotTestData.ChunkSize, changes.Digest, default));
    }

    [Fact]
    public async Task Stream_DamagedOrCutOffAnywhere_IsRefusedWhole()
    {
        (SnapshotRepository repository, string older, string newer, byte[] _, byte[] _) = await CaptureTwoAsync();
        await using SnapshotRepository owned = repository;
        string path = PathOf("changes");
        await WriteStreamAsync(repository, older, newer, path);
        byte[] whole = await File.ReadAllBytesAsync(path);
        Random random = new(9);
        for (int round = 0; round < 300; round++)
        {
            byte[] damaged = [.. whole];
            int at = round < 160 ? round : random.Next(whole.Length);
            if (round % 3 == 0)
            {
                damaged = damaged[..at];
            }
            else
            {
                damaged[at] ^= (byte)(1 << random.Next(8));
            }

            await File.WriteAllBytesAsync(path, damaged);
            Assert.Throws<RepositoryCorruptException>(() => ChangeStreamDisk.Open(path));
        }

        await File.WriteAllBytesAsync(path, [.. whole, 0]);
        Assert.Throws<RepositoryCorruptException>(() => ChangeStreamDisk.Open(path));
    }

    [Fact]
    public async Task ChangeMap_SavedAndLoaded_IsTheSame_AndServesACapture()
    {
        (SnapshotRepository repository, string older, string newer, byte[] _, byte[] changed) = await CaptureTwoAsync();
        await using SnapshotRepository owned = repository;
        BlockMap map = await repository.DiffAsync(older, newer);
        using MemoryStream stream = new();
        await map.SaveAsync(stream);
        using MemoryStream saved = new(stream.ToArray());
        BlockMap loaded = await BlockMap.LoadAsync(saved);
        Assert.Equal(map, loaded);
        ModelDisk disk = new(changed);
        CaptureResult again = await repository.CaptureAsync(disk, new CaptureOptions { Image = "disk", Parent = SnapshotParent.Of(older), ChangeMap = loaded }, null);
        Assert.Equal((await repository.GetAsync(newer)).Root, again.Snapshot.Root);
        Assert.InRange(disk.ReadBytes, 1, map.Sum(static extent => extent.Length));

        foreach (string text in new[] { "", "[]", "{}", "{\"format\":\"cloudimage-change-map\",\"version\":1,\"ranges\":[]}", "{\"format\":\"cloudimage-change-map\",\"version\":0,\"ranges\":[{\"offset\":-1,\"length\":1,\"kind\":\"data\"}]}", "{\"format\":\"cloudimage-change-map\",\"version\":0,\"ranges\":[{\"offset\":5,\"length\":5,\"kind\":\"data\"},{\"offset\":1,\"length\":1,\"kind\":\"data\"}]}" })
        {
            using MemoryStream bad = new(System.Text.Encoding.UTF8.GetBytes(text));
            await Assert.ThrowsAsync<CloudImageException>(() => BlockMap.LoadAsync(bad));
        }
    }

    private static async Task<(SnapshotRepository Repository, string Older, string Newer, byte[] Content, byte[] Changed)> CaptureTwoAsync()
    {
        byte[] content = SnapshotTestData.Mixed(Length, 51);
        byte[] changed = [.. content];
        new Random(1).NextBytes(changed.AsSpan(300_000, 3000));
        new Random(2).NextBytes(changed.AsSpan(2_000_000, 200_000));
        changed.AsSpan(1_000_000, 400_000).Clear();
        SnapshotRepository repository = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
        string older = (await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null)).Id;
        string newer = (await repository.CaptureAsync(new ModelDisk(changed), SnapshotTestData.Capture("disk"), null)).Id;
        return (repository, older, newer, content, changed);
    }

    private static async Task WriteStreamAsync(SnapshotRepository repository, string older, string newer, string path)
    {
        await using FileStream stream = File.Create(path);
        long written = await repository.WriteChangesAsync(older, newer, stream, ChunkCodec.Lz4, null);
        Assert.Equal(written, stream.Length);
    }

    private string PathOf(string name) => Path.Combine(_folder, name);
}
