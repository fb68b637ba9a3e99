using System;
using System.Collections.Generic;
using System.Linq;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots.Encryption;

/// <summary>The keys of an encrypted repository: who holds them, and in which epochs.</summary>
/// <remarks>
/// <para>Every holder has the keys of every epoch that is wrapped for him. Removing a holder deletes his wrapped keys; what he has
/// already unwrapped he may have kept, so that a new epoch belongs to the removal of one who is not trusted any more.
/// Destroying an epoch deletes its keys for all: what was sealed in it, in every copy of the repository, can never be read again.</para>
/// <para>Not for several threads at once; several processes may change one repository at once.</para>
/// </remarks>
public sealed class RepositoryKeyring
{
    private readonly ObjectStore _store;
    private readonly SortedDictionary<uint, byte[]> _secrets = [];

    private RepositoryKeyring(ObjectStore store) => _store = store;

    /// <summary>The epoch that new content is sealed in: the newest one whose keys are at hand.</summary>
    public long CurrentEpoch => _secrets.Keys.Last();

    /// <summary>Opens the keyring of a repository.</summary>
    /// <param name="store">The repository's store; it stays the caller's.</param>
    /// <param name="holder">A holder of its keys; it stays the caller's.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The keyring.</returns>
    /// <exception cref="RepositoryKeyException">The repository has no keys, or none that this holder can unwrap; or a key object is damaged.</exception>
    /// <exception cref="CloudImageException">The store or the holder's service failed.</exception>
    public static async ValueTask<RepositoryKeyring> OpenAsync(ObjectStore store, KeyProvider holder, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(holder);
        var keyring = new RepositoryKeyring(store);
        var faults = new List<RepositoryKeyException>();
        List<KeyObject> objects = await keyring.ReadObjectsAsync(faults, cancellationToken).ConfigureAwait(false);
        foreach (KeyObject slot in GetValidSlots(objects))
        {
            if (slot.Kind != holder.Kind || keyring._secrets.ContainsKey(slot.Epoch))
            {
                continue;
            }

            byte[]? secret = await holder.TryUnwrapAsync(slot.Wrapped, slot.GetContext(), cancellationToken).ConfigureAwait(false);
            if (secret is { Length: EpochKeys.SecretLength } && new EpochKeys(slot.Epoch, secret).Check.AsSpan().SequenceEqual(slot.Check))
            {
                keyring._secrets.Add(slot.Epoch, secret);
            }
        }

        if (keyring._secrets.Count == 0 && faults.Count > 0)
        {
            // Another holder's damaged slot keeps nobody out; where nothing opens, the damage is the likely reason.
            throw new RepositoryKeyException($"None of the repository's keys could be opened, and of its key objects {faults.Count} cannot be read: {faults[0].Message}", faults[0]);
        }

        if (keyring._secrets.Count == 0)
        {
            string kinds = string.Join(", ", GetValidSlots(objects).Select(slot => slot.Kind).Distinct(StringComparer.Ordinal));
            throw new RepositoryKeyException(kinds.Length == 0
                ? $"The repository at {store.Location} has no keys: it is not encrypted, or they were destroyed."
                : $"The key given, of kind {holder.Kind}, opens none of the repository's keys, which are of kind {kinds}.");
        }

        return keyring;
    }

    /// <summary>Lists who holds which keys; the keys themselves are not needed.</summary>
    /// <param name="store">The repository's store.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The slots, by epoch.</returns>
    /// <exception cref="RepositoryKeyException">A key object is damaged.</exception>
    public static async ValueTask<IReadOnlyList<RepositoryKeySlot>> ListAsync(ObjectStore store, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        List<KeyObject> objects = await new RepositoryKeyring(store).ReadObjectsAsync(null, cancellationToken).ConfigureAwait(false);
        return [.. GetValidSlots(objects).Select(slot => new RepositoryKeySlot(slot.Epoch, slot.Id, slot.Kind, slot.Holder))];
    }

    /// <summary>Gives a further holder the keys of every epoch that is at hand.</summary>
    /// <param name="holder">The holder; it stays the caller's.</param>
    /// <param name="cancellationToken">Ends the wait; the holder may then have some epochs and not others, and can be added again.</param>
    /// <returns>What the holder is known by, see <see cref="RepositoryKeySlot.Id"/>.</returns>
    public async ValueTask<string> AddHolderAsync(KeyProvider holder, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(holder);
        string id = DrawSlotId();
        foreach ((uint epoch, byte[] secret) in _secrets)
        {
            await CreateSlotAsync(epoch, id, secret, holder, cancellationToken).ConfigureAwait(false);
        }

        await _store.FlushAsync(cancellationToken).ConfigureAwait(false);
        return id;
    }

    /// <summary>Takes the keys of every epoch from a holder.</summary>
    /// <param name="holderId">What the holder is known by, see <see cref="RepositoryKeySlot.Id"/>.</param>
    /// <param name="cancellationToken">Ends the wait; some epochs may then be removed and others not.</param>
    /// <returns>A task that ends when the holder's wrapped keys are gone.</returns>
    /// <exception cref="RepositoryKeyException">There is no such holder, or an epoch would be left without any.</exception>
    public async ValueTask RemoveHolderAsync(string holderId, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(holderId);
        KeyObject[] slots = [.. GetValidSlots(await ReadObjectsAsync(null, cancellationToken).ConfigureAwait(false))];
        KeyObject[] removed = [.. slots.Where(slot => slot.Id == holderId)];
        if (removed.Length == 0)
        {
            throw new RepositoryKeyException($"No holder of keys is known by '{holderId}'.");
        }

        if (removed.Any(slot => slots.Count(other => other.Epoch == slot.Epoch) == 1))
        {
            throw new RepositoryKeyException($"'{holderId}' is the only holder of an epoch's keys; without him its content is lost. Add another holder first, or destroy the epoch by name.");
        }

        await _store.DeleteAsync([.. removed.Select(slot => slot.Name)], cancellationToken).ConfigureAwait(false);
        await _store.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Begins a new epoch: content that is sealed by repositories opened from now on has new keys.</summary>
    /// <param name="holders">Everybody who shall have its keys, at least one.</param>
    /// <param name="cancellationToken">Ends the wait; the epoch then may or may not have begun.</param>
    /// <returns>The number of the epoch.</returns>
    /// <exception cref="RepositoryKeyException">Another process began an epoch at the same time.</exception>
    public ValueTask<long> AddEpochAsync(IReadOnlyList<KeyProvider> holders, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(holders);
        ArgumentOutOfRangeException.ThrowIfZero(holders.Count);
        return BeginEpochAsync(holders, cancellationToken);
    }

    /// <summary>Deletes the keys of an epoch for every holder: what was sealed in it is destroyed, for ever.</summary>
    /// <param name="epoch">The epoch.</param>
    /// <param name="cancellationToken">Ends the wait; some holders may then still have the keys.</param>
    /// <returns>A task that ends when no wrapped key of the epoch is left.</returns>
    /// <exception cref="RepositoryKeyException">There are no keys of such an epoch.</exception>
    public async ValueTask DestroyEpochAsync(long epoch, CancellationToken cancellationToken = default)
    {
        string[] names = [.. (await ReadObjectsAsync(null, cancellationToken).ConfigureAwait(false)).Where(slot => slot.Epoch == epoch && !slot.IsMark).Select(slot => slot.Name)];
        if (names.Length == 0)
        {
            throw new RepositoryKeyException($"There are no keys of an epoch {epoch}.");
        }

        await _store.DeleteAsync(names, cancellationToken).ConfigureAwait(false);
        await _store.FlushAsync(cancellationToken).ConfigureAwait(false);
        _secrets.Remove((uint)epoch);
    }

    /// <summary>Makes the first epoch of a new repository.</summary>
    internal static async ValueTask<RepositoryKeyring> CreateAsync(ObjectStore store, IReadOnlyList<KeyProvider> holders, CancellationToken cancellationToken)
    {
        var keyring = new RepositoryKeyring(store);
        await keyring.BeginEpochAsync(holders, cancellationToken).ConfigureAwait(false);
        return keyring;
    }

    internal FrameSealer CreateSealer() => new([.. _secrets.Select(pair => new EpochKeys(pair.Key, pair.Value))]);

    /// <summary>Slots whose epoch has a mark, and whose master key is the one of the mark.</summary>
    private static IEnumerable<KeyObject> GetValidSlots(List<KeyObject> objects)
    {
        Dictionary<uint, byte[]> checks = objects.Where(item => item.IsMark).ToDictionary(mark => mark.Epoch, mark => mark.Check);
        return objects.Where(slot => !slot.IsMark && checks.TryGetValue(slot.Epoch, out byte[]? check) && check.AsSpan().SequenceEqual(slot.Check));
    }

    private static string DrawSlotId() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));

    private async ValueTask<long> BeginEpochAsync(IReadOnlyList<KeyProvider> holders, CancellationToken cancellationToken)
    {
        uint epoch = 1;
        foreach (KeyObject item in await ReadObjectsAsync(null, cancellationToken).ConfigureAwait(false))
        {
            epoch = Math.Max(epoch, checked(item.Epoch + 1));
        }

        // The slots first, the mark that makes them count last: an epoch that began has all its holders, whatever crashes.
        byte[] secret = EpochKeys.DrawSecret(_secrets.Count == 0 ? null : new EpochKeys(_secrets.Keys.Last(), _secrets.Values.Last()));
        var keys = new EpochKeys(epoch, secret);
        foreach (KeyProvider holder in holders)
        {
            await CreateSlotAsync(epoch, DrawSlotId(), secret, holder, cancellationToken).ConfigureAwait(false);
        }

        await _store.FlushAsync(cancellationToken).ConfigureAwait(false);
        var mark = new KeyObject { Epoch = epoch, Id = KeyObject.MarkId, Check = keys.Check };
        if (!await _store.TryCreateAsync(mark.Name, mark.ToArray(), ObjectCreateOptions.Default, cancellationToken).ConfigureAwait(false))
        {
            throw new RepositoryKeyException($"Another process began epoch {epoch} at the same time. Open the keyring anew and see whether that epoch serves.");
        }

        await _store.FlushAsync(cancellationToken).ConfigureAwait(false);
        _secrets.Add(epoch, secret);
        return epoch;
    }

    private async ValueTask CreateSlotAsync(uint epoch, string id, byte[] secret, KeyProvider holder, CancellationToken cancellationToken)
    {
        var bare = new KeyObject { Epoch = epoch, Id = id, Check = new EpochKeys(epoch, secret).Check };
        var slot = new KeyObject
        {
            Epoch = epoch,
            Id = id,
            Check = bare.Check,
            Kind = holder.Kind,
            Holder = holder.Holder,
            Wrapped = await holder.WrapAsync(secret, bare.GetContext(), cancellationToken).ConfigureAwait(false),
        };
        if (!await _store.TryCreateAsync(slot.Name, slot.ToArray(), new ObjectCreateOptions { Temperature = ObjectTemperature.Warm }, cancellationToken).ConfigureAwait(false))
        {
            throw new RepositoryKeyException($"'{slot.Name}', drawn at random, exists already.");
        }
    }

    private async ValueTask<List<KeyObject>> ReadObjectsAsync(List<RepositoryKeyException>? faults, CancellationToken cancellationToken)
    {
        var objects = new List<KeyObject>();
        byte[] buffer = new byte[KeyObject.MaximumLength + 1];
        await foreach (ObjectInfo info in _store.ListAsync(KeyObject.Prefix, null, cancellationToken).ConfigureAwait(false))
        {
            try
            {
                int length = await _store.ReadAsync(info.Name, buffer, 0, cancellationToken).ConfigureAwait(false);
                objects.Add(KeyObject.Parse(info.Name, buffer.AsSpan(0, length)));
            }
            catch (ObjectNotFoundException)
            {
                // Removed since it was listed: as if it had been removed before.
                continue;
            }
            catch (RepositoryKeyException exception) when (faults is not null)
            {
                faults.Add(exception);
            }
        }

        return objects;
    }
}
