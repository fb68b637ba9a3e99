using System;
using System.Buffers;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Trees;

namespace CloudImage.Sdk.Snapshots.Verification;

/// <summary>Reads one pack from end to end: its SHA-256, its header, and every frame decoded and digested.</summary>
internal static class PackVerifier
{
    private const int ReadLength = 4 << 20;

    /// <summary>Verifies a pack.</summary>
    /// <returns>How many frames were good, and how many bytes were read.</returns>
    /// <exception cref="RepositoryCorruptException">Table, header or hash are wrong. Damaged frames are told to <paramref name="damaged"/> before.</exception>
    public static async ValueTask<(long Frames, long Bytes)> VerifyAsync(
        RepositoryContext context, PackId pack, Action<PackSlot, string> damaged, CancellationToken cancellationToken)
    {
        string name = pack.ToString();
        PackSlot[] slots = await PackReader.ReadSlotsAsync(context.Store, pack, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(ReadLength + FrameHeader.MaxPlainLength + (1 << 16));
        byte[] plain = ArrayPool<byte>.Shared.Rent(FrameHeader.MaxPlainLength);
        try
        {
            await ReadAsync(context, name, hash, buffer.AsMemory(0, PackLayout.HeaderLength), 0, cancellationToken).ConfigureAwait(false);
            bool isHeader = PackLayout.IsHeader(pack, buffer);
            long position = PackLayout.HeaderLength;
            long good = 0;
            for (int from = 0; from < slots.Length;)
            {
                int to = from;
                int length = 0;
                while (to < slots.Length && (to == from || length + slots[to].Length <= ReadLength))
                {
                    length += (int)slots[to++].Length;
                }

                await ReadAsync(context, name, hash, buffer.AsMemory(0, length), position, cancellationToken).ConfigureAwait(false);
                good += VerifyFrames(context, slots, from, to, buffer.AsSpan(0, length), plain, damaged);
                position += length;
                from = to;
            }

            int tail = (slots.Length * PackSlot.SizeInBytes) + PackLayout.FooterLength;
            await PackReader.ReadExactlyAsync(context.Store, name, buffer.AsMemory(0, tail), position, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
            hash.AppendData(buffer.AsSpan(0, tail - 32));
            bool isWhole = hash.GetHashAndReset().AsSpan().SequenceEqual(buffer.AsSpan(tail - 32, 32));
            return isHeader && isWhole
                ? (good, position + tail)
                : throw new RepositoryCorruptException(name, 0, isHeader ? "the pack does not match its SHA-256." : "the header of the pack names another one.");
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
            ArrayPool<byte>.Shared.Return(plain);
        }
    }

    private static async ValueTask ReadAsync(
        RepositoryContext context, string name, IncrementalHash hash, Memory<byte> buffer, long position, CancellationToken cancellationToken)
    {
        await PackReader.ReadExactlyAsync(context.Store, name, buffer, position, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
        hash.AppendData(buffer.Span);
    }

    private static long VerifyFrames(
        RepositoryContext context, PackSlot[] slots, int from, int to, ReadOnlySpan<byte> frames, byte[] plain, Action<PackSlot, string> damaged)
    {
        long good = 0;
        int offset = 0;
        for (int index = from; index < to; index++)
        {
            ReadOnlySpan<byte> frame = frames.Slice(offset, (int)slots[index].Length);
            offset += frame.Length;
            if (Check(context, slots[index].Header, frame, plain) is { } message)
            {
                damaged(slots[index], message);
            }
            else
            {
                good++;
            }
        }

        return good;
    }

    /// <summary>Checks a frame against its slot, and its content against its id.</summary>
    /// <returns>What is wrong; null for nothing.</returns>
    public static string? Check(RepositoryContext context, in FrameHeader expected, ReadOnlySpan<byte> frame, byte[] buffer)
    {
        if (!FrameHeader.TryRead(frame, out FrameHeader header) || header != expected)
        {
            return "the header of the frame is not what the slot table says.";
        }

        if (header.IsSealed && !context.Protection.HasKeysOf(frame[FrameHeader.SizeInBytes..]))
        {
            // The SHA-256 of the pack covers the sealed bytes; what is in them needs the keys of their epoch.
            return null;
        }

        Span<byte> plain = buffer.AsSpan(0, header.PlainLength);
        if (!context.Frames.TryDecode(header, frame[FrameHeader.SizeInBytes..], plain))
        {
            return "the frame cannot be decoded.";
        }

        if (header.Kind != FrameKind.Node)
        {
            return context.Frames.IsIdOf(header.Id, context.Frames.Hash(plain)) ? null : "the chunk does not have the digest that its id says.";
        }

        return NodeHashMatches(context, header, plain) ? null : "the node does not have the hash that its id says.";
    }

    private static bool NodeHashMatches(RepositoryContext context, in FrameHeader header, ReadOnlySpan<byte> plain)
    {
        try
        {
            // The level stands in the node itself; who walks the tree compares it with the place it was found at.
            TreeNode node = NodeCodec.Decode(default, plain, plain.Length > 5 ? plain[5] : 0);
            return context.Frames.IsIdOf(header.Id, MerkleHash.Root(context.Suite, node.Digests));
        }
        catch (RepositoryCorruptException)
        {
            return false;
        }
    }
}
