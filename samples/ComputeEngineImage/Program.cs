// A disk of any format becomes an archive in a bucket that Compute Engine makes an image of: nothing is written to this machine.
//   dotnet run -c Release --project samples/ComputeEngineImage -- SOURCE gs://bucket/image.tar.gz
// Credentials are the application default credentials; to an emulator (&endpoint=http://127.0.0.1:4443) none are sent.
using System;
using CloudImage.Sdk;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.GceTar;
using CloudImage.Sdk.GoogleCloud;
using CloudImage.Sdk.GoogleCloud.Gce;
using CloudImage.Sdk.GoogleCloud.Gcs;
using CloudImage.Sdk.Storage;

if (args.Length < 2)
{
    Console.WriteLine("Needs a bucket of Cloud Storage: name a disk and where its archive goes, such as web.qcow2 gs://bucket/web.tar.gz.");
    return 0;
}

ObjectStoreAddress address = ObjectStoreAddress.Parse(args[1]);
using GoogleCloudConnection google = new(GoogleCloudConnectionOptions.FromAddress(address));
await using VirtualDisk disk = await DiskImage.OpenAsync(args[0], DiskOpenOptions.Default);
await using GceImageWriter writer = await GceImageWriter.CreateAsync(
    google, disk.Length, new GceTarOptions(), new GcsObjectSinkOptions { Bucket = address.Container, Name = address.Prefix, ContentType = "application/gzip" });
await disk.CopyToAsync(writer, DiskCopyOptions.Default, null);
await writer.CompleteAsync();
Console.WriteLine($"{writer.Location}: a disk of {writer.Length >> 30} GiB. An image of it is made with");
Console.WriteLine($"  rawDisk.source = {writer.Source}");
return 0;
