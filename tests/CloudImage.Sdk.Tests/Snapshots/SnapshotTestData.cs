using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Tests.Snapshots;

/// <summary>Disks and repositories for the tests of the snapshots.</summary>
internal static class SnapshotTestData
{
    public const int ChunkSize = 65536;

    public static SnapshotRepositoryOptions SmallChunks { get; } = new() { ChunkSize = ChunkSize };

    /// <summary>A disk of zeros, repeats, half-compressible and incompressible ranges.</summary>
    public static byte[] Mixed(int length, int seed)
    {
        Random random = new(seed);
        byte[] content = new byte[length];
        for (int offset = 0; offset < length; offset += 8192)
        {
            Span<byte> part = content.AsSpan(offset, Math.Min(8192, length - offset));
            switch (random.Next(4))
            {
                case 0:
                    break;
                case 1:
                    part.Fill((byte)random.Next(256));
                    break;
                case 2:
                    random.NextBytes(part[..(part.Length / 2)]);
                    break;
                default:
                    random.NextBytes(part);
                    break;
            }
        }

        return content;
    }

    public static CaptureOptions Capture(string image) => new() { Image = image };

    public static async Task<byte[]> ReadAllAsync(SnapshotRepository repository, string id)
    {
        await using SnapshotDisk disk = await repository.OpenDiskAsync(id);
        return await ReadAllAsync(disk);
    }

    public static async Task<byte[]> ReadAllAsync(VirtualDisk disk)
    {
        byte[] content = new byte[disk.Length];
        int count = await disk.ReadAsync(content, 0);
        return count == content.Length ? content : throw new InvalidOperationException($"The disk gave {count} bytes of {content.Length}.");
    }

    /// <summary>Every object of a store.</summary>
    public static async Task<Dictionary<string, byte[]>> DumpAsync(ObjectStore store)
    {
        Dictionary<string, byte[]> objects = new(StringComparer.Ordinal);
        await foreach (ObjectInfo info in store.ListAsync(string.Empty, null))
        {
            byte[] content = new byte[info.Length];
            await store.ReadAsync(info.Name, content, 0);
            objects.Add(info.Name, content);
        }

        return objects;
    }

    /// <summary>A store in memory with the given objects.</summary>
    public static async Task<MemoryObjectStore> StoreOfAsync(IReadOnlyDictionary<string, byte[]> objects)
    {
        MemoryObjectStore store = new();
        foreach ((string name, byte[] content) in objects)
        {
            await store.TryCreateAsync(name, content, ObjectCreateOptions.Default);
        }

        return store;
    }

    public static async Task<int> CountAsync(ObjectStore store, string prefix)
    {
        int count = 0;
        await foreach (ObjectInfo _ in store.ListAsync(prefix, null))
        {
            count++;
        }

        return count;
    }
}
