using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots.Encryption;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots;

public sealed partial class SnapshotRepository
{
    /// <summary>Whether its content can be read and written; false: it is encrypted and was opened to verify its integrity only.</summary>
    public bool HasKeys => _context.Protection.HasKeys;

    private static async ValueTask<RepositoryProtection> CreateProtectionAsync(ObjectStore store, SnapshotRepositoryOptions options, CancellationToken cancellationToken)
    {
        if (options.Encryption == RepositoryEncryption.None)
        {
            return RepositoryProtection.None;
        }

        // The keys are durable before the header that asks for them; keys that a crash left without a header hurt nobody.
        if (await store.ExistsAsync(ObjectNames.Repository, cancellationToken).ConfigureAwait(false))
        {
            throw new SnapshotRepositoryException($"There is a repository at {store.Location} already.");
        }

        RepositoryKeyring keyring = await RepositoryKeyring.CreateAsync(store, options.Keys, cancellationToken).ConfigureAwait(false);
        return new SealedProtection(keyring.CreateSealer());
    }

    private static async ValueTask<RepositoryProtection> OpenProtectionAsync(
        ObjectStore store, RepositoryHeader header, SnapshotRepositoryOpenOptions options, CancellationToken cancellationToken)
    {
        switch (header.Encryption)
        {
            case RepositoryHeader.NoEncryption:
                return RepositoryProtection.None;
            case RepositoryHeader.Aes256Gcm when options.Key is not null:
                RepositoryKeyring keyring = await RepositoryKeyring.OpenAsync(store, options.Key, cancellationToken).ConfigureAwait(false);
                return new SealedProtection(keyring.CreateSealer());
            case RepositoryHeader.Aes256Gcm when options.AllowWithoutKey:
                return new LockedProtection();
            case RepositoryHeader.Aes256Gcm:
                throw new RepositoryKeyException($"The repository at {store.Location} is encrypted with '{header.Encryption}', and was opened without a key.");
            default:
                throw new SnapshotRepositoryException($"The repository at {store.Location} is encrypted with '{header.Encryption}', which this library does not know.");
        }
    }
}
