using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Encryption;
using CloudImage.Sdk.Storage;

namespace CloudImage.Cli;

/// <summary>Opens what the command line names as a repository: a folder.</summary>
internal static class Repositories
{
    public static ObjectStore OpenStore(string repository, WriteDurability durability)
    {
        if (repository.Contains("://", StringComparison.Ordinal))
        {
            throw new UsageException($"'{repository}' is no folder; repositories live in folders here.");
        }

        return new DirectoryObjectStore(Path.GetFullPath(repository), new DirectoryObjectStoreOptions { Durability = durability });
    }

    public static async Task<SnapshotRepository> OpenAsync(string repository, string? key, WriteDurability durability, CancellationToken cancellationToken)
    {
        ObjectStore store = OpenStore(repository, durability);
        try
        {
            using KeyProvider? holder = key is null ? null : Keys.Open(key);
            return await SnapshotRepository.OpenAsync(store, new SnapshotRepositoryOpenOptions { Key = holder }, cancellationToken);
        }
        catch
        {
            await store.DisposeAsync();
            throw;
        }
    }
}
