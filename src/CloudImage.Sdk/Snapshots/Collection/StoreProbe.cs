using System;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots.Collection;

/// <summary>Tries whether a store keeps the axioms that FORMAT.md rests on.</summary>
/// <remarks>A store that keeps them in the trial may break them under load; one that breaks them here is found out.</remarks>
internal static class StoreProbe
{
    private const int Racers = 8;

    /// <summary>The question that leaves nothing behind: the header of the repository cannot be created a second time.</summary>
    /// <returns>Whether create-if-absent is honoured. Where it is not, the header was replaced by its own bytes.</returns>
    public static async ValueTask<bool> RefusesSecondHeaderAsync(ObjectStore store, byte[] header, CancellationToken cancellationToken) =>
        !await store.TryCreateAsync(ObjectNames.Repository, header, ObjectCreateOptions.Default, cancellationToken).ConfigureAwait(false);

    /// <summary>All questions, with objects of their own that are deleted again.</summary>
    public static async Task<StoreProbeResult> RunAsync(ObjectStore store, CancellationToken cancellationToken)
    {
        string prefix = $"{ObjectNames.Probes}{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}/";
        string first = prefix + "first";
        string raced = prefix + "raced";
        try
        {
            byte[] content = [1];
            bool isCreated = await store.TryCreateAsync(first, content, ObjectCreateOptions.Default, cancellationToken).ConfigureAwait(false);
            bool showsCreations = isCreated && await IsShownAsync(store, prefix, first, cancellationToken).ConfigureAwait(false);
            bool isReplaced = await store.TryCreateAsync(first, new byte[] { 2 }, ObjectCreateOptions.Default, cancellationToken).ConfigureAwait(false);
            bool refuses = !isReplaced && await ReadAsync(store, first, cancellationToken).ConfigureAwait(false) == 1;
            bool hasOneWinner = await RaceAsync(store, raced, cancellationToken).ConfigureAwait(false);
            await store.DeleteAsync([first, raced], cancellationToken).ConfigureAwait(false);
            bool isGone = !await IsShownAsync(store, prefix, first, cancellationToken).ConfigureAwait(false)
                && await ReadAsync(store, first, cancellationToken).ConfigureAwait(false) is null;
            return new StoreProbeResult { RefusesSecondCreate = refuses, HasOneWinner = hasOneWinner, ShowsCreations = showsCreations, ShowsDeletions = isGone };
        }
        finally
        {
            await store.DeleteAsync([first, raced], CancellationToken.None).ConfigureAwait(false);
        }
    }

    private static async Task<bool> RaceAsync(ObjectStore store, string name, CancellationToken cancellationToken)
    {
        Task<bool>[] racers = new Task<bool>[Racers];
        for (int index = 0; index < Racers; index++)
        {
            byte[] content = [(byte)index];
            racers[index] = Task.Run(() => store.TryCreateAsync(name, content, ObjectCreateOptions.Default, cancellationToken).AsTask(), cancellationToken);
        }

        bool[] won = await Task.WhenAll(racers).ConfigureAwait(false);
        return Array.FindAll(won, static one => one).Length == 1 && await ReadAsync(store, name, cancellationToken).ConfigureAwait(false) == Array.IndexOf(won, true);
    }

    private static async ValueTask<bool> IsShownAsync(ObjectStore store, string prefix, string name, CancellationToken cancellationToken)
    {
        await foreach (ObjectInfo info in store.ListAsync(prefix, null, cancellationToken).ConfigureAwait(false))
        {
            if (info.Name == name)
            {
                return true;
            }
        }

        return false;
    }

    private static async ValueTask<int?> ReadAsync(ObjectStore store, string name, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[1];
        try
        {
            return await store.ReadAsync(name, buffer, 0, cancellationToken).ConfigureAwait(false) == 1 ? buffer[0] : -1;
        }
        catch (ObjectNotFoundException)
        {
            return null;
        }
    }
}
