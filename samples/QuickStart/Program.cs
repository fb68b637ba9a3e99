// Two versions of a system image go into a snapshot repository, and come back bit for bit.
//   dotnet run -c Release --project samples/QuickStart             two small versions that lie beside this file
//   dotnet run -c Release --project samples/QuickStart -- IMAGE    your image, and a second version made in an overlay over it
using System;
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

string work = Directory.CreateTempSubdirectory("cloudimage-quickstart-").FullName;
string data = Path.Combine(AppContext.BaseDirectory, "data");
string first = args.Length > 0 ? args[0] : Path.Combine(data, "web-1.qcow2");

// Open: the format is detected. Other files that the image names are opened from its own folder only.
DiskOpenOptions options = new() { References = DirectoryReferenceResolver.Beside(first) };
using VirtualDisk version1 = DiskImage.Open(first, options);
using VirtualDisk version2 = args.Length > 0 ? Update(version1, Path.Combine(work, "update.qcow2")) : DiskImage.Open(Path.Combine(data, "web-2.qcow2"));
string name = Path.GetFileNameWithoutExtension(first);
Console.WriteLine($"{Path.GetFileName(first)} is {version1.Info.FormatName}, a disk of {Size(version1.Length)} with {Size(BlockMap.Of(version1).DataLength)} of data.");
Console.WriteLine();

// Capture: the second snapshot stores only what the first does not have.
string folder = Path.Combine(work, "repository");
await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new DirectoryObjectStore(folder), new SnapshotRepositoryOptions());
CaptureResult snapshot1 = await CaptureAsync(version1);
CaptureResult snapshot2 = await CaptureAsync(version2);

// Verify: every stored byte is read and held against its digest.
VerifyResult verified = await repository.VerifyAsync(VerifyOptions.Default, null);
Console.WriteLine();
Console.WriteLine(verified.IsHealthy ? "Verified: every stored byte is what was written." : $"Damaged: {string.Join("; ", verified.Problems)}");

// Restore both, and compare each with its source, byte for byte.
bool isEqual = true;
foreach ((CaptureResult snapshot, VirtualDisk source) in new[] { (snapshot1, version1), (snapshot2, version2) })
{
    string path = Path.Combine(work, $"restored-{snapshot.Snapshot.Sequence}.raw");
    await WriteAsync(snapshot.Id, path, new RawOptions());
    using VirtualDisk restored = DiskImage.Open(path, new DiskOpenOptions { Format = RawFormat.Instance });
    DiskComparison comparison = await DiskComparer.CompareAsync(source, restored, DiskCompareOptions.Default, null);
    isEqual &= comparison.AreEqual;
    Console.WriteLine($"Restored {path}: {(comparison.AreEqual ? "equal to its source" : $"DIFFERS at byte {comparison.FirstDifference}")}.");
}

// Convert: the newer one as a compressed qcow2 that any hypervisor starts from.
string converted = Path.Combine(work, $"{name}-newest.qcow2");
await WriteAsync(snapshot2.Id, converted, new Qcow2Options { Compression = Qcow2Compression.Zstd });
Console.WriteLine($"The newest as a compressed qcow2: {converted} ({Size(new FileInfo(converted).Length)}).");
Console.WriteLine();
Console.WriteLine($"The repository is {folder}. Delete {work} when you have seen enough.");
return isEqual && verified.IsHealthy ? 0 : 1;

async Task<CaptureResult> CaptureAsync(VirtualDisk disk)
{
    long begun = Stopwatch.GetTimestamp();
    CaptureResult result = await repository.CaptureAsync(disk, new CaptureOptions { Image = name }, null);
    if (result.Snapshot.Sequence == 1)
    {
        Console.WriteLine($"{"snapshot",-10}{"disk",12}{"new chunks",14}{"shared",10}{"stored",14}{"time",10}");
    }

    Console.WriteLine($"{result.Snapshot.Sequence,-10}{Size(result.LogicalBytes),12}{result.NewChunks,14}{result.UnchangedChunks,10}{Size(result.StoredBytes),14}{Stopwatch.GetElapsedTime(begun).TotalSeconds,8:0.00} s");
    return result;
}

async Task WriteAsync(string id, string path, DiskCreateOptions format)
{
    await using VirtualDisk disk = await repository.OpenDiskAsync(id);
    await using DiskWriter writer = DiskImage.Create(path, disk.Length, format);
    await disk.CopyToAsync(writer, DiskCopyOptions.Default, null);
    await writer.CompleteAsync();
}

// A second version that leaves the image as it is: changes in an overlay, joined over it.
static LayeredDisk Update(VirtualDisk image, string path)
{
    using (DiskWriter overlay = DiskImage.Create(path, image.Length, new Qcow2Options { Parent = new DiskReference(DiskReferenceKind.Parent, "base") { FormatName = "raw" } }))
    {
        byte[] note = new byte[4096];
        "This block was changed after the first snapshot."u8.CopyTo(note);
        for (long offset = 0; offset + note.Length <= image.Length; offset += Math.Max(note.Length, image.Length / 8 / 4096 * 4096))
        {
            overlay.Write(note, offset);
        }

        overlay.Complete();
    }

    VirtualDisk changes = DiskImage.Open(path, new DiskOpenOptions { Format = Qcow2Format.Instance });
    return new LayeredDisk([changes, image], leaveOpen: true);
}

static string Size(long bytes) => bytes >= 1 << 20 ? $"{bytes / 1048576.0:0.0} MiB" : $"{bytes / 1024.0:0.0} KiB";
