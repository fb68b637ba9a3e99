using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Encryption;
using CloudImage.Sdk.Storage;

namespace CloudImage.Cli;

/// <summary>Opens what the command line names as a repository: a folder, or an address in a cloud.</summary>
internal static class Repositories
{
    public static async Task<SnapshotRepository> OpenAsync(string repository, string? key, WriteDurability durability, CancellationToken cancellationToken) =>
        (await OpenCountedAsync(repository, key, durability, cancellationToken)).Repository;

    /// <summary>Opens a repository whose requests are counted.</summary>
    public static async Task<(SnapshotRepository Repository, CountingObjectStore Store)> OpenCountedAsync(
        string repository, string? key, WriteDurability durability, CancellationToken cancellationToken)
    {
        CountingObjectStore store = new(await Stores.OpenAsync(repository, durability, cancellationToken));
        try
        {
            using KeyProvider? holder = key is null ? null : Keys.Open(key);
            return (await SnapshotRepository.OpenAsync(store, new SnapshotRepositoryOpenOptions { Key = holder }, cancellationToken), store);
        }
        catch
        {
            await store.DisposeAsync();
            throw;
        }
    }
}
