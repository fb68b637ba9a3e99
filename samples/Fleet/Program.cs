// A small fleet on one machine, each member a process of its own: three writers, a collector and a replica share one repository, with no
// lock and no server. One writer is killed in the middle of its work. In the end every snapshot that stands holds what its writer saw.
//   dotnet run -c Release --project samples/Fleet
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Collection;
using CloudImage.Sdk.Snapshots.Replication;
using CloudImage.Sdk.Snapshots.Retention;
using CloudImage.Sdk.Storage;

const int DiskLength = 24 << 20;
const int Rounds = 6;
string Main() => args[1];
string Copy() => Path.Combine(Path.GetDirectoryName(args[1])!, "replica");
string Stop() => Path.Combine(Path.GetDirectoryName(args[1])!, "stop");
return args switch
{
    ["writer", _, string name] => await WriteAsync(name),
    ["collector", _] => await CollectAsync(),
    ["replica", _] => await ReplicateAsync(),
    _ => await LeadAsync(),
};

// A writer owns nothing but its disk: it captures, and gives up what its policy drops. It never deletes an object.
async Task<int> WriteAsync(string name)
{
    byte[] disk = new byte[DiskLength];
    Random random = new(name.Sum(static letter => letter));
    random.NextBytes(disk.AsSpan(0, DiskLength / 2));
    for (int round = 1; round <= Rounds; round++)
    {
        random.NextBytes(disk.AsSpan(random.Next(DiskLength - (1 << 20)), 1 << 20));
        await using SnapshotRepository repository = await SnapshotRepository.OpenAsync(new DirectoryObjectStore(Main()));
        using MemoryDisk source = new(disk);
        CaptureOptions options = new() { Image = name, Tags = [KeyValuePair.Create("sha256", Convert.ToHexStringLower(SHA256.HashData(disk)))] };
        CaptureResult result = await repository.CaptureAsync(source, options, null);
        IReadOnlyList<SnapshotInfo> dropped = await repository.PruneAsync(await repository.PlanRetentionAsync(new RetentionPolicy { KeepLast = 2 }, [name]), PruneOptions.Default);
        Say($"{name}: captured #{result.Snapshot.Sequence}, {result.StoredBytes >> 10} KiB new; gave up {dropped.Count}.");
    }

    return 0;
}

// The collector alone deletes, and only what no undecided session and no snapshot refers to.
async Task<int> CollectAsync()
{
    while (true)
    {
        bool isLast = File.Exists(Stop());
        await using SnapshotRepository repository = await SnapshotRepository.OpenAsync(new DirectoryObjectStore(Main()));
        CollectResult result = await repository.CollectAsync(new CollectOptions { AbortSessionsIdleFor = isLast ? TimeSpan.Zero : null, CompactBelow = 0.5 }, null);
        if (result.DeletedPacks + result.AbortedSessions.Count > 0)
        {
            Say($"collector: deleted {result.DeletedPacks} packs, {result.DeletedBytes >> 10} KiB; gave up {result.AbortedSessions.Count} dead sessions.");
        }

        if (isLast)
        {
            return 0;
        }

        await Task.Delay(300);
    }
}

// The replica receives what it lacks. What it misses because it was collected meanwhile does not matter: it takes the rest the next time.
async Task<int> ReplicateAsync()
{
    while (true)
    {
        bool isLast = File.Exists(Stop());
        await using SnapshotRepository repository = await SnapshotRepository.OpenAsync(new DirectoryObjectStore(Main()));
        await using SnapshotRepository copy = await SnapshotRepository.OpenAsync(new DirectoryObjectStore(Copy()));
        try
        {
            ReplicationDestination result = (await repository.CopyToAsync([copy], new ReplicationOptions { PinSource = true }, null)).Destinations[0];
            if (result.Copied.Count > 0)
            {
                Say($"replica: received {string.Join(", ", result.Copied.Select(static copied => $"{copied.Source.Image} #{copied.Source.Sequence}"))}: {result.ChunkCount} chunks, {result.FrameBytes >> 10} KiB.");
            }
        }
        catch (SnapshotRepositoryException exception) when (!isLast)
        {
            Say($"replica: tries again, for {exception.Message}");
        }

        if (isLast)
        {
            return 0;
        }

        await Task.Delay(200);
    }
}

async Task<int> LeadAsync()
{
    string folder = Directory.CreateTempSubdirectory("cloudimage-fleet-").FullName;
    args = ["lead", Path.Combine(folder, "main")];
    await using (SnapshotRepository main = await SnapshotRepository.CreateAsync(new DirectoryObjectStore(Main()), new SnapshotRepositoryOptions { ChunkSize = 64 << 10 }))
    await using (SnapshotRepository replica = await SnapshotRepository.CreateReplicaAsync(new DirectoryObjectStore(Copy()), main, SnapshotRepositoryOpenOptions.Default))
    {
        Say($"fleet: repository {main.Id[..8]} and its replica {replica.Id[..8]} in {folder}.");
    }

    List<Process> others = [Start("collector"), Start("replica")];
    List<Process> writers = [Start("writer", "anna"), Start("writer", "bela"), Start("writer", "cora")];
    await Task.Delay(1200);
    writers[1].Kill();
    await writers[1].WaitForExitAsync();
    Say("fleet: bela was killed in the middle of its work, and begins anew.");
    writers[1] = Start("writer", "bela");
    bool isGood = true;
    foreach (Process process in writers)
    {
        await process.WaitForExitAsync();
        isGood &= process.ExitCode == 0;
    }

    await File.WriteAllTextAsync(Stop(), string.Empty);
    foreach (Process process in others)
    {
        await process.WaitForExitAsync();
        isGood &= process.ExitCode == 0;
    }

    foreach (string place in new[] { Main(), Copy() })
    {
        await using SnapshotRepository repository = await SnapshotRepository.OpenAsync(new DirectoryObjectStore(place));
        VerifyResult verified = await repository.VerifyAsync(VerifyOptions.Default, null);
        IReadOnlyList<SnapshotInfo> snapshots = await repository.ListAsync();
        int same = 0;
        foreach (SnapshotInfo snapshot in snapshots)
        {
            byte[] content = new byte[snapshot.Length];
            await using SnapshotDisk disk = await repository.OpenDiskAsync(snapshot.Id);
            await disk.ReadAsync(content, 0);
            same += Convert.ToHexStringLower(SHA256.HashData(content)) == snapshot.Tags[0].Value ? 1 : 0;
        }

        isGood &= verified.IsHealthy && same == snapshots.Count && snapshots.Count >= 6;
        Say($"{Path.GetFileName(place)}: {snapshots.Count} snapshots, {same} hold what their writers saw; {(verified.IsHealthy ? "every stored byte is good" : string.Join("; ", verified.Problems))}.");
    }

    Directory.Delete(folder, true);
    return isGood ? 0 : 1;
}

Process Start(params string[] role)
{
    string self = Environment.GetCommandLineArgs()[0];
    bool isHosted = Path.GetFileNameWithoutExtension(Environment.ProcessPath!) == "dotnet";
    return Process.Start(new ProcessStartInfo(Environment.ProcessPath!, [.. isHosted ? new[] { self } : [], role[0], Main(), .. role[1..]]))!;
}

static void Say(string line) => Console.WriteLine($"{TimeProvider.System.GetLocalNow():HH:mm:ss.f} {line}");
