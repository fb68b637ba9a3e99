// A disk image becomes a VHD in a page blob, goes on where an upload broke off, and is captured from there into a repository. Needs a
// container in a storage account, or Azurite:
//   AZURE_STORAGE_CONNECTION_STRING=... dotnet run -c Release --project samples/PageBlobCopy -- IMAGE CONTAINER BLOB.vhd
using System;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using CloudImage.Sdk;
using CloudImage.Sdk.Azure.Disks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Storage;

if (args.Length < 3 || Environment.GetEnvironmentVariable("AZURE_STORAGE_CONNECTION_STRING") is not { } connection)
{
    Console.WriteLine("This sample needs a storage account: set AZURE_STORAGE_CONNECTION_STRING, and name a disk image, a container and a blob that ends in .vhd.");
    return;
}

PageBlobClient blob = PageBlobClients.FromConnectionString(connection, args[1], args[2], PageBlobClientOptions.Default);

// Up: a fixed VHD made on the fly. Zeros are not sent; what an earlier run left is compared, and only what differs is sent again.
await using (VirtualDisk image = DiskImage.Open(args[0], DiskOpenOptions.Default))
await using (PageBlobWriter writer = await PageBlobWriter.CreateAsync(blob, image.Length, new PageBlobWriterOptions { Resume = PageBlobResume.Verify }))
{
    await image.CopyToAsync(writer, DiskCopyOptions.Default, null);
    await writer.CompleteAsync();
    Console.WriteLine($"{args[2]}: {writer.Length >> 20} MiB, {writer.SentByteCount >> 10} KiB sent, {writer.KeptByteCount >> 10} KiB were there from before");
}

// A snapshot does not change while it is read, whatever is written to the blob meanwhile.
BlobSnapshotInfo snapshot = await blob.CreateSnapshotAsync();
PageBlobDisk container = await PageBlobDisk.OpenAsync(blob.WithSnapshot(snapshot.Snapshot), PageBlobDiskOptions.Default);
await using VirtualDisk disk = await DiskImage.OpenAsync(container, DiskOpenOptions.Default);
await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), new SnapshotRepositoryOptions());
CaptureResult first = await repository.CaptureAsync(disk, new CaptureOptions { Image = "blob" }, null);
Console.WriteLine($"{first.Id}: {first.ReadBytes >> 10} KiB read of {first.LogicalBytes >> 10}, {first.StoredBytes >> 10} KiB stored");
await blob.WithSnapshot(snapshot.Snapshot).DeleteAsync();
