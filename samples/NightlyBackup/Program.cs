// A week of nightly backups of a server's disk that grows: each night reads only what a change map says and stores only what is new.
//   dotnet run -c Release --project samples/NightlyBackup
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Raw;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Storage;

const int Nights = 7;
string work = Directory.CreateTempSubdirectory("cloudimage-nightly-").FullName;
try
{
    // The server: 96 MiB of system and data on a sparse disk. What it writes is noted, as a hypervisor's dirty bitmap would.
    string path = Path.Combine(work, "server.raw");
    Random random = new(2026);
    List<DiskExtent> dirty = [];
    await using FileStream server = new(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite);
    server.SetLength(192L << 20);
    for (int megabyte = 0; megabyte < 96; megabyte++)
    {
        WriteBlocks(megabyte * 256L, 256);
    }

    await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(
        new DirectoryObjectStore(Path.Combine(work, "repository")), new SnapshotRepositoryOptions());
    Console.WriteLine($"{"night",-7}{"disk",12}{"written",12}{"read",12}{"stored",12}{"time",10}");
    List<(string Id, ContentDigest Digest)> backups = [];
    for (int night = 1; night <= Nights; night++)
    {
        // The first backup has no parent, so that everything is read; from the second one on the map says where to look.
        BlockMap? changes = night == 1 ? null : dirty.Aggregate(BlockMap.Empty, static (all, extent) => BlockMap.Union(all, new BlockMap([extent])));
        dirty.Clear();
        await server.FlushAsync();
        long begun = Stopwatch.GetTimestamp();
        CaptureResult backup;
        await using (VirtualDisk disk = DiskImage.Open(path, new DiskOpenOptions { Format = RawFormat.Instance }))
        {
            CaptureOptions options = new()
            {
                Image = "server",
                ChangeMap = changes,
                CreatedAt = new DateTimeOffset(2026, 11, night, 2, 0, 0, TimeSpan.Zero),
                Tags = [new("job", "nightly")],
            };
            backup = await repository.CaptureAsync(disk, options, null);
            backups.Add((backup.Id, Digest(disk)));
        }

        Console.WriteLine($"{night,-7}{Size(backup.LogicalBytes),12}{(changes is null ? "all" : Size(changes.DataLength)),12}{Size(backup.ReadBytes),12}{Size(backup.StoredBytes),12}{Stopwatch.GetElapsedTime(begun).TotalSeconds,8:0.00} s");
        if (changes is not null)
        {
            // A changed byte costs the chunk that it lies in, whatever the disk's size.
            long touched = changes.SelectMany(extent => Chunks(extent, repository.ChunkSize)).Distinct().LongCount() * repository.ChunkSize;
            Require(backup.ReadBytes <= touched, $"night {night} read no more than the {Size(touched)} of chunks that were touched");
            Require(backup.StoredBytes <= touched + (256 << 10), $"night {night} stored no more than it read, and its tree and records");
        }

        // A day's work: a database of 24 MiB changes here and there, a log grows, and now and then the disk is made larger.
        for (int count = 0; count < 40; count++)
        {
            WriteBlocks(random.Next(6 << 8), random.Next(1, 5));
        }

        WriteBlocks((100L + night) << 8, 200);
        if (night % 3 == 0)
        {
            server.SetLength(server.Length + (32L << 20));
        }
    }

    // Any night comes back as it was, though each is a fraction of its disk.
    foreach ((string id, ContentDigest digest) in backups)
    {
        await using SnapshotDisk restored = await repository.OpenDiskAsync(id);
        Require(Digest(restored) == digest, $"the backup of {restored.Snapshot.CreatedAt:yyyy-MM-dd} reads as the disk did that night");
    }

    RepositoryStatistics statistics = await repository.GetStatisticsAsync();
    Console.WriteLine();
    Console.WriteLine($"{"backup",-14}{"holds",12}{"takes alone",14}");
    foreach (SnapshotStatistics snapshot in statistics.Snapshots)
    {
        Console.WriteLine($"{snapshot.Snapshot.CreatedAt,-14:yyyy-MM-dd}{Size(snapshot.ReferencedBytes),12}{Size(snapshot.ExclusiveBytes),14}");
    }

    VerifyResult verified = await repository.VerifyAsync(VerifyOptions.Default, null);
    Require(verified.IsHealthy, "every stored byte is what was written");
    long fullCopies = statistics.DataBytes;
    Require(statistics.StoredBytes < fullCopies / 3, "a week of backups takes less than a third of full copies");
    Console.WriteLine();
    Console.WriteLine($"{Nights} backups hold {Size(fullCopies)} of data and take {Size(statistics.StoredBytes)}, in {statistics.Objects} objects. All were read back and verified.");
    return 0;

    void WriteBlocks(long firstBlock, int count)
    {
        const int Block = 4096;
        byte[] content = new byte[count * Block];
        for (int index = 0; index < count; index++)
        {
            random.NextBytes(content.AsSpan(index * Block, Block / 2));
        }

        server.Position = firstBlock * Block;
        server.Write(content);
        dirty.Add(new DiskExtent(firstBlock * Block, content.Length, DiskExtentKind.Data));
    }
}
finally
{
    Directory.Delete(work, true);
}

static IEnumerable<long> Chunks(DiskExtent extent, int chunkSize)
{
    for (long chunk = extent.Offset / chunkSize; chunk <= (extent.End - 1) / chunkSize; chunk++)
    {
        yield return chunk;
    }
}

static ContentDigest Digest(VirtualDisk disk)
{
    using Stream stream = disk.AsStream();
    byte[] content = new byte[disk.Length];
    stream.ReadExactly(content);
    return Blake3.HashData(content);
}

static void Require(bool condition, string claim)
{
    if (!condition)
    {
        throw new InvalidOperationException($"It does not hold that {claim}.");
    }
}

static string Size(long bytes) => bytes >= 1 << 20 ? $"{bytes / 1048576.0:0.0} MiB" : $"{bytes / 1024.0:0.0} KiB";
