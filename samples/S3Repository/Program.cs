// A disk image goes into a repository in S3, or in a service that speaks its protocol, and is read back from there. Needs a bucket that may be written,
// and credentials where the vendor's tools have them; on this machine, tests/servers/rgw.sh FOLDER PORT starts a real service:
//   dotnet run -c Release --project samples/S3Repository -- IMAGE "s3://bucket/prefix?endpoint=http://127.0.0.1:PORT&profile=ceph&create-bucket=true"
using System;
using System.IO;
using CloudImage.Sdk;
using CloudImage.Sdk.Aws;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Storage;

if (args.Length < 2)
{
    Console.WriteLine("This sample needs a bucket: name a disk image and an address such as s3://bucket/prefix?region=eu-central-1.");
    return 0;
}

// The registry opens addresses; the store that it gives repeats what fails for a passing reason. Requests are counted, for they are what is charged.
ObjectStoreRegistry stores = new([new S3ObjectStoreProvider()]);
CountingObjectStore store = new(await stores.OpenAsync(args[1]));
Console.WriteLine($"{store.Location}: {store.Capabilities.Service}. {store.Capabilities.AtomicCreateReason}");
await using SnapshotRepository repository = await store.ExistsAsync("repo.json")
    ? await SnapshotRepository.OpenAsync(store)
    : await SnapshotRepository.CreateAsync(store, SnapshotRepositoryOptions.Default);

await using VirtualDisk disk = DiskImage.Open(args[0], new DiskOpenOptions { References = DirectoryReferenceResolver.Beside(args[0]) });
CaptureResult snapshot = await repository.CaptureAsync(disk, new CaptureOptions { Image = Path.GetFileNameWithoutExtension(args[0]) }, null);
ObjectStoreStatistics sent = store.GetStatistics();
Console.WriteLine($"Snapshot {snapshot.Id}: {snapshot.StoredBytes} bytes stored of {snapshot.LogicalBytes}, with {sent.Creates} creations, {sent.Reads} reads and {sent.Lists} lists.");

await using SnapshotDisk back = await repository.OpenDiskAsync(snapshot.Id);
DiskComparison comparison = await DiskComparer.CompareAsync(disk, back, DiskCompareOptions.Default, null);
Console.WriteLine(comparison.AreEqual ? "Read back: equal to its source." : $"DIFFERS at byte {comparison.FirstDifference}.");
return comparison.AreEqual ? 0 : 1;
