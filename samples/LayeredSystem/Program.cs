// A system in three layers: a base image, an application over it, data over both. Each is captured by itself, they are put
// together, and when the base is updated the layers move onto the new one.
//   dotnet run -c Release --project samples/LayeredSystem
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Threading.Tasks;
using CloudImage.Sdk;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Qcow2;
using CloudImage.Sdk.Formats.Raw;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Storage;

const long DiskLength = 256L << 20;
const int Block = 4096;
string work = Directory.CreateTempSubdirectory("cloudimage-layers-").FullName;
try
{
    // The base: 40 MiB of system. The application is installed into an overlay over it, and the data is written into one over both.
    string basePath = Path.Combine(work, "base.raw");
    Write(basePath, new RawOptions(), (0, 10_000), (40_000, 240));
    string applicationPath = Path.Combine(work, "application.qcow2");
    Write(applicationPath, Overlay("base.raw"), (12_000, 1500, 1), (500, 3, 1));
    string dataPath = Path.Combine(work, "data.qcow2");
    Write(dataPath, Overlay("application.qcow2"), (30_000, 800, 2), (12_100, 2, 2));

    using VirtualDisk baseDisk = DiskImage.Open(basePath, new DiskOpenOptions { Format = RawFormat.Instance });
    using VirtualDisk applicationDisk = DiskImage.Open(applicationPath, new DiskOpenOptions { Format = Qcow2Format.Instance });
    using VirtualDisk dataDisk = DiskImage.Open(dataPath, new DiskOpenOptions { Format = Qcow2Format.Instance });
    using LayeredDisk applicationOnBase = new([applicationDisk, baseDisk], leaveOpen: true);
    using LayeredDisk running = new([dataDisk, applicationDisk, baseDisk], leaveOpen: true);

    await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(
        new DirectoryObjectStore(Path.Combine(work, "repository")), new SnapshotRepositoryOptions());

    Console.WriteLine("Each layer is captured by itself; what it does not hold stays open.");
    Console.WriteLine($"{"",-34}{"read",12}{"stored",12}{"time",10}");
    string baseId = await CaptureAsync("base", baseDisk, new CaptureOptions { Image = "base" });

    // Where a layer changed a part of a chunk, the rest of that chunk is completed from what lies under it.
    string applicationId = await CaptureAsync("application", applicationDisk, new CaptureOptions { Image = "application", AsLayer = true, LayerBase = baseDisk });
    string dataId = await CaptureAsync("data", dataDisk, new CaptureOptions { Image = "data", AsLayer = true, LayerBase = applicationOnBase });

    Console.WriteLine();
    Console.WriteLine("Put together, they are one disk. Their trees are joined: no chunk is read, hashed or stored again.");
    CaptureResult system = await TimeAsync("data + application + base", () => repository.ComposeAsync([dataId, applicationId, baseId], new CaptureOptions { Image = "system" }));
    Require(system.ReadBytes == 0 && system.NewChunks == 0, "joining reads and stores no chunk");
    await RequireSameAsync(system.Id, running, "the joined snapshot is the running disk, byte for byte");

    Console.WriteLine();
    Console.WriteLine("The base gets an update. The layers move onto it: blocks are compared only where base and layer both have something.");
    string updatedPath = Path.Combine(work, "base-2.raw");
    Write(updatedPath, new RawOptions(), (0, 10_000), (40_000, 240), (2000, 40, 7), (505, 2, 7));
    using VirtualDisk updatedDisk = DiskImage.Open(updatedPath, new DiskOpenOptions { Format = RawFormat.Instance });
    string updatedId = await CaptureAsync("base, updated", updatedDisk, new CaptureOptions { Image = "base" });
    string oldUnderData = (await TimeAsync("application + base", () => repository.ComposeAsync([applicationId, baseId], new CaptureOptions { Image = "under data" }))).Id;
    string movedApplication = await RebaseAsync("application", applicationId, baseId, updatedId);
    string newUnderData = (await TimeAsync("application + updated base", () => repository.ComposeAsync([movedApplication, updatedId], new CaptureOptions { Image = "under data" }))).Id;
    string movedData = await RebaseAsync("data", dataId, oldUnderData, newUnderData);
    CaptureResult updated = await TimeAsync("all on the updated base", () => repository.ComposeAsync([movedData, movedApplication, updatedId], new CaptureOptions { Image = "system" }));
    using LayeredDisk expected = new([dataDisk, applicationDisk, updatedDisk], leaveOpen: true);
    await RequireSameAsync(updated.Id, expected, "the moved layers on the updated base are the overlays on the updated disk, byte for byte");

    Console.WriteLine();
    Console.WriteLine("Another update changes a block that the application changed too. That is not guessed at, but listed and refused.");
    string clashingPath = Path.Combine(work, "base-3.raw");
    Write(clashingPath, new RawOptions(), (0, 10_000), (40_000, 240), (501, 1, 9));
    using VirtualDisk clashingDisk = DiskImage.Open(clashingPath, new DiskOpenOptions { Format = RawFormat.Instance });
    string clashingId = await CaptureAsync("base, clashing", clashingDisk, new CaptureOptions { Image = "base" });
    RebaseResult refused = await repository.RebaseAsync(applicationId, baseId, clashingId, new CaptureOptions { Image = "application" });
    Require(refused.Layer is null && refused.Conflicts.Count == 1 && refused.Conflicts[0] == new DiskExtent(501L * Block, Block, DiskExtentKind.Data), "the one block that both changed is named");
    Console.WriteLine($"{"application",-34}refused: bytes {refused.Conflicts[0].Offset} to {refused.Conflicts[0].End} changed on both sides");

    RepositoryStatistics statistics = await repository.GetStatisticsAsync();
    VerifyResult verified = await repository.VerifyAsync(VerifyOptions.Default, null);
    Require(verified.IsHealthy, "every stored byte is what was written");
    Console.WriteLine();
    Console.WriteLine($"{statistics.Snapshots.Count} snapshots of {Size(statistics.LogicalBytes)} of disks take {Size(statistics.StoredBytes)}; every stored byte was verified.");
    return 0;

    async Task<string> CaptureAsync(string name, VirtualDisk disk, CaptureOptions options) => (await TimeAsync(name, () => repository.CaptureAsync(disk, options, null))).Id;

    async Task<string> RebaseAsync(string name, string layer, string oldBase, string newBase)
    {
        RebaseResult? result = null;
        await TimeAsync($"{name}, moved", async () =>
        {
            result = await repository.RebaseAsync(layer, oldBase, newBase, new CaptureOptions { Image = name });
            Require(result.Layer is not null, "layer and update lie on blocks of their own");
            return result.Layer!;
        });
        return result!.Layer!.Id;
    }

    async Task RequireSameAsync(string id, VirtualDisk disk, string claim)
    {
        await using SnapshotDisk snapshot = await repository.OpenDiskAsync(id);
        DiskComparison comparison = await DiskComparer.CompareAsync(disk, snapshot, DiskCompareOptions.Default, null);
        Require(comparison.AreEqual, claim);
        Console.WriteLine($"Checked: {claim}.");
    }
}
finally
{
    Directory.Delete(work, true);
}

static async Task<CaptureResult> TimeAsync(string name, Func<Task<CaptureResult>> capture)
{
    long begun = Stopwatch.GetTimestamp();
    CaptureResult result = await capture();
    Console.WriteLine($"{name,-34}{Size(result.ReadBytes),12}{Size(result.StoredBytes),12}{Stopwatch.GetElapsedTime(begun).TotalSeconds,8:0.00} s");
    return result;
}

// Writes blocks of content that is the same whenever the same blocks are written with the same seed; later ones lie over earlier ones.
static void Write(string path, DiskCreateOptions options, params BlockRange[] ranges)
{
    SortedDictionary<int, int> blocks = [];
    foreach (BlockRange range in ranges)
    {
        for (int index = range.First; index < range.First + range.Count; index++)
        {
            blocks[index] = range.Seed;
        }
    }

    using DiskWriter writer = DiskImage.Create(path, DiskLength, options);
    byte[] content = new byte[Block];
    foreach ((int index, int seed) in blocks)
    {
        Random random = new((index * 31) + seed);
        random.NextBytes(content.AsSpan(0, Block / 2));
        writer.Write(content, (long)index * Block);
    }

    writer.Complete();
}

// Clusters of one block: an overlay then holds exactly what was written, and no copy of what lies around it.
static Qcow2Options Overlay(string parent) => new() { ClusterSize = Block, Parent = new DiskReference(DiskReferenceKind.Parent, parent) { FormatName = Path.GetExtension(parent)[1..] } };

static void Require(bool condition, string claim)
{
    if (!condition)
    {
        throw new InvalidOperationException($"It does not hold that {claim}.");
    }
}

static string Size(long bytes) => bytes >= 1 << 20 ? $"{bytes / 1048576.0:0.0} MiB" : $"{bytes / 1024.0:0.0} KiB";

internal readonly record struct BlockRange(int First, int Count, int Seed)
{
    public static implicit operator BlockRange((int First, int Count) range) => new(range.First, range.Count, 0);

    public static implicit operator BlockRange((int First, int Count, int Seed) range) => new(range.First, range.Count, range.Seed);
}
