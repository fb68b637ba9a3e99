using System;
using System.Buffers;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots.Packs;

/// <summary>Reads slot tables of packs.</summary>
internal static class PackReader
{
    private const int SpeculativeTail = 64 * 1024;

    /// <summary>Reads the slot table, with one request behind that for the length where the pack has at most some twelve hundred frames.</summary>
    /// <exception cref="RepositoryCorruptException">The pack is missing or its end is no table.</exception>
    public static async ValueTask<PackSlot[]> ReadSlotsAsync(ObjectStore store, PackId id, IoMode mode, CancellationToken cancellationToken)
    {
        string name = id.ToString();
        ObjectInfo? info = await store.GetInfoAsync(name, mode, cancellationToken).ConfigureAwait(false);
        if (info is null)
        {
            throw new RepositoryCorruptException($"Object '{name}', at byte 0: the pack is missing.", new ObjectNotFoundException(name));
        }

        return await ReadSlotsAsync(store, id, info.Length, mode, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads the slot table of a pack whose length a listing told.</summary>
    /// <exception cref="RepositoryCorruptException">The pack is missing or its end is no table.</exception>
    public static async ValueTask<PackSlot[]> ReadSlotsAsync(ObjectStore store, PackId id, long length, IoMode mode, CancellationToken cancellationToken)
    {
        string name = id.ToString();
        if (length is < PackLayout.HeaderLength + PackSlot.SizeInBytes + PackLayout.FooterLength or > PackLayout.MaxLength)
        {
            throw new RepositoryCorruptException(name, 0, $"a pack has no length of {length} bytes.");
        }

        int tailLength = (int)Math.Min(length, SpeculativeTail);
        byte[] tail = ArrayPool<byte>.Shared.Rent(PackLayout.FooterLength + (PackLayout.MaxFrames * PackSlot.SizeInBytes));
        try
        {
            await ReadExactlyAsync(store, name, tail.AsMemory(0, tailLength), length - tailLength, mode, cancellationToken).ConfigureAwait(false);
            long tableOffset = PackLayout.TableOffset(tail.AsSpan(tailLength - PackLayout.FooterLength, PackLayout.FooterLength), length, out int count);
            if (tableOffset < 0)
            {
                throw new RepositoryCorruptException(name, length - PackLayout.FooterLength, "the footer of the pack is none.");
            }

            int needed = (int)(length - tableOffset);
            if (needed > tailLength)
            {
                await ReadExactlyAsync(store, name, tail.AsMemory(0, needed), tableOffset, mode, cancellationToken).ConfigureAwait(false);
                tailLength = needed;
            }

            return PackLayout.ReadTable(id, tail.AsSpan(tailLength - needed, needed), count, tableOffset);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(tail);
        }
    }

    /// <summary>Whether a fault says that the object is not there at all.</summary>
    public static bool IsMissing(RepositoryCorruptException exception) => exception.InnerException is ObjectNotFoundException;

    /// <summary>Reads a range that must be there.</summary>
    /// <exception cref="RepositoryCorruptException">The object is missing or ends within the range.</exception>
    public static async ValueTask ReadExactlyAsync(ObjectStore store, string name, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken) =>
        await ReadAtLeastAsync(store, name, buffer, buffer.Length, offset, mode, cancellationToken).ConfigureAwait(false);

    /// <summary>Reads a range whose first bytes must be there.</summary>
    /// <returns>How many bytes there are: no fewer than the minimum.</returns>
    /// <exception cref="RepositoryCorruptException">The object is missing or ends before the minimum.</exception>
    public static async ValueTask<int> ReadAtLeastAsync(
        ObjectStore store, string name, Memory<byte> buffer, int minimum, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        int count;
        try
        {
            count = await store.ReadAsync(name, buffer, offset, mode, cancellationToken).ConfigureAwait(false);
        }
        catch (ObjectNotFoundException exception)
        {
            throw new RepositoryCorruptException($"Object '{name}' is missing.", exception);
        }

        return count >= minimum
            ? count
            : throw new RepositoryCorruptException(name, offset + count, $"the object ends here; {minimum} bytes from {offset} were expected.");
    }
}
