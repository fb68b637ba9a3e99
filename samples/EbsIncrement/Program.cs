// A disk image goes into EBS, then its next state as an increment of that snapshot; what the service lists as changed is all that is
// read back into a repository. Needs an account, or a server that speaks EBS direct, and costs what its requests and blocks cost:
//   dotnet run -c Release --project samples/EbsIncrement -- OLD NEW REGION [ENDPOINT]
using System;
using System.Threading.Tasks;
using CloudImage.Sdk;
using CloudImage.Sdk.Aws.Ebs;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Storage;

if (args.Length < 3)
{
    Console.WriteLine("This sample needs an AWS account: name two states of a disk image and a region; credentials come from the usual places.");
    return;
}

using EbsDirectClient client = new(new EbsClientOptions { Region = args[2], Endpoint = args.Length > 3 ? new Uri(args[3]) : null });
await using VirtualDisk older = DiskImage.Open(args[0], DiskOpenOptions.Default);
await using VirtualDisk newer = DiskImage.Open(args[1], DiskOpenOptions.Default);

// Up. An upload that breaks off goes on from its journal when the sample is started again.
string first = await UploadAsync(older, new EbsSnapshotWriterOptions { Description = "older", JournalPath = args[0] + ".upload" });
string second = await UploadAsync(newer, new EbsSnapshotWriterOptions { Description = "newer", ParentSnapshotId = first, JournalPath = args[1] + ".upload" });

// What changed between the two, by lists alone.
BlockMap changes = await EbsSnapshotDisk.GetChangesAsync(client, first, second);
Console.WriteLine($"{first} to {second}: {changes.DataLength >> 10} KiB in {changes.Count} ranges changed");

// Down: the second capture reads the changed blocks and nothing else.
await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), new SnapshotRepositoryOptions());
await CaptureAsync(first, null);
await CaptureAsync(second, changes);
EbsRequestCounts counts = client.RequestCounts;
Console.WriteLine($"requests: {counts.PutSnapshotBlock} blocks written, {counts.GetSnapshotBlock} read, {counts.ListSnapshotBlocks + counts.ListChangedBlocks} lists, {counts.Retries} of all made again");

async Task<string> UploadAsync(VirtualDisk disk, EbsSnapshotWriterOptions options)
{
    await using EbsSnapshotWriter writer = await EbsSnapshotWriter.CreateAsync(client, disk.Length, options);
    await disk.CopyToAsync(writer, new DiskCopyOptions { WorkerCount = 32, Parent = writer.Parent }, null);
    await writer.CompleteAsync();
    Console.WriteLine($"{writer.SnapshotId}: {writer.SentBlockCount} blocks of 512 KiB sent, {writer.KeptBlockCount} were there from before");
    return writer.SnapshotId;
}

async Task CaptureAsync(string id, BlockMap? changed)
{
    await using EbsSnapshotDisk disk = await EbsSnapshotDisk.OpenAsync(client, id, EbsSnapshotDiskOptions.Default);
    CaptureResult capture = await repository.CaptureAsync(disk, new CaptureOptions { Image = "volume", ChangeMap = changed }, null);
    Console.WriteLine($"{capture.Id}: {capture.ReadBytes >> 10} KiB read of {capture.LogicalBytes >> 30} GiB, {capture.StoredBytes >> 10} KiB stored");
}
