using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Index;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots.Sessions;

/// <summary>Takes over what a dead writer of a session published: its slots go into the open segment, so that no chunk of it is stored twice.</summary>
internal static class PackAdoption
{
    public static async ValueTask AdoptAsync(RepositoryContext context, ChunkIndex index, SessionId session, Func<string> nextSegmentName, CancellationToken cancellationToken)
    {
        HashSet<PackId> indexed = await index.PacksOfSessionAsync(session, cancellationToken).ConfigureAwait(false);
        List<PackId> packs = [];
        await foreach (ObjectInfo info in context.Store.ListAsync($"{ObjectNames.DataPacks}{session}-", null, cancellationToken).ConfigureAwait(false))
        {
            if (PackId.TryParse(info.Name, out PackId pack) && !indexed.Contains(pack))
            {
                packs.Add(pack);
            }
        }

        foreach (PackId pack in packs)
        {
            PackSlot[] slots = await context.SlotsAsync(pack, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
            foreach (PackSlot slot in slots)
            {
                index.AddOwn(slot.Header.Id, new FramePlace(pack, slot.Offset, slot.Length));
            }

            await index.PublishedAsync(pack, slots, nextSegmentName, cancellationToken).ConfigureAwait(false);
        }
    }
}
