using System;
using System.IO;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Encryption;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Benchmarks.Snapshots;

/// <summary>A repository in a temporary folder, without waiting for the medium: what is measured is the processor's share.</summary>
internal sealed class RepositoryFolder : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cloudimage-benchmark-").FullName;
    private readonly KeyFileProvider _key = new(new byte[32]);
    private readonly bool _isEncrypted;

    public RepositoryFolder(bool isEncrypted) => _isEncrypted = isEncrypted;

    public string Path => _folder;

    /// <summary>A disk: a quarter zeros, a quarter repeated, half data of which each block compresses by half.</summary>
    public static byte[] MakeDisk(int length)
    {
        byte[] disk = new byte[length];
        Random random = new(1);
        for (int offset = 0; offset < length; offset += 1 << 20)
        {
            int block = Math.Min(1 << 20, length - offset);
            switch (offset >> 20 & 3)
            {
                case 0:
                    break;
                case 1:
                    disk.AsSpan(offset, block).Fill((byte)(offset >> 20));
                    break;
                default:
                    for (int at = 0; at < block; at += 8192)
                    {
                        random.NextBytes(disk.AsSpan(offset + at, 4096));
                    }

                    break;
            }
        }

        return disk;
    }

    public Task<SnapshotRepository> CreateAsync(string name)
    {
        DirectoryObjectStore store = new(System.IO.Path.Combine(_folder, name), new DirectoryObjectStoreOptions { Durability = WriteDurability.None });
        SnapshotRepositoryOptions options = new()
        {
            Encryption = _isEncrypted ? RepositoryEncryption.Aes256Gcm : RepositoryEncryption.None,
            Keys = _isEncrypted ? [_key] : [],
        };
        return SnapshotRepository.CreateAsync(store, options);
    }

    public void Dispose()
    {
        _key.Dispose();
        Directory.Delete(_folder, true);
    }
}
