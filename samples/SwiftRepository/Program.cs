// A disk kept in Swift: captured twice, and restored. Credentials come from OS_* (Keystone) or from ST_AUTH, ST_USER, ST_KEY (TempAuth).
//   dotnet run -c Release --project samples/SwiftRepository -- swift://backups/sample?create-container=true
// A server to try it on, with the values that it prints: tests/servers/swift.sh FOLDER PORT
using System;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.OpenStack.Swift;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Storage;

if (args.Length == 0)
{
    Console.WriteLine("Needs a Swift: name a repository, such as swift://backups/sample?create-container=true, and credentials in the environment.");
    return 0;
}

ObjectStoreRegistry registry = new([new SwiftObjectStoreProvider()]);
CountingObjectStore store = new(await registry.OpenAsync(args[0]));
if (!await store.ExistsAsync("repository"))
{
    await using SnapshotRepository made = await SnapshotRepository.CreateAsync(store, new SnapshotRepositoryOptions());
    store = new CountingObjectStore(await registry.OpenAsync(args[0]));
}

await using SnapshotRepository repository = await SnapshotRepository.OpenAsync(store, new SnapshotRepositoryOpenOptions());
byte[] content = new byte[64 << 20];
new Random(1).NextBytes(content.AsSpan(0, 16 << 20));
for (int night = 1; night <= 2; night++)
{
    new Random(10 + night).NextBytes(content.AsSpan(night << 20, 1 << 20));
    using MemoryDisk disk = new((byte[])content.Clone());
    CaptureResult result = await repository.CaptureAsync(disk, new CaptureOptions { Image = "sample" }, null);
    Console.WriteLine($"night {night}: {result.Id}, {result.StoredBytes} bytes stored");
    await using VirtualDisk kept = await repository.OpenDiskAsync(result.Id);
    Console.WriteLine($"  read back {((await DiskComparer.CompareAsync(disk, kept, new DiskCompareOptions(), null)).AreEqual ? "equal" : "DIFFERENT")}");
}

ObjectStoreStatistics statistics = store.GetStatistics();
Console.WriteLine($"requests: {statistics.Creates} creations, {statistics.Reads} reads, {statistics.Lists} listings");
return 0;
