using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Security.Cryptography;
using System.Text;
using CloudImage.Sdk.Hashing;

namespace CloudImage.Sdk.Snapshots.Encryption;

/// <summary>Seals and opens what an encrypted repository stores, with the keys of its epochs. Thread-safe.</summary>
/// <remarks>Sealed: the epoch (4 bytes, little-endian), then as <see cref="AeadSeal"/> says. New content is sealed in the newest epoch.</remarks>
internal sealed class FrameSealer
{
    internal const int Overhead = 4 + AeadSeal.Overhead;

    private static readonly byte[] s_frameLabel = "frame"u8.ToArray();
    private static readonly byte[] s_nodeLabel = "node"u8.ToArray();
    private static readonly byte[] s_descriptorLabel = "descriptor"u8.ToArray();

    private readonly Dictionary<uint, EpochKeys> _epochs = [];
    private readonly EpochKeys _current;

    /// <summary>Takes the keys of the epochs that could be unwrapped, at least one.</summary>
    internal FrameSealer(IReadOnlyList<EpochKeys> epochs)
    {
        _current = epochs[0];
        foreach (EpochKeys keys in epochs)
        {
            _epochs.Add(keys.Epoch, keys);
            _current = keys.Epoch > _current.Epoch ? keys : _current;
        }
    }

    /// <summary>The epoch that new content is sealed in.</summary>
    internal EpochKeys Current => _current;

    /// <summary>The id of a digest: a keyed BLAKE3 of it, in the newest epoch.</summary>
    internal ContentDigest IdOf(ContentDigest digest) => IdOf(_current, digest);

    /// <summary>Whether an id is that of a digest in any of the epochs at hand.</summary>
    internal bool IsIdOf(ContentDigest id, ContentDigest digest)
    {
        if (IdOf(_current, digest) == id)
        {
            return true;
        }

        foreach (EpochKeys keys in _epochs.Values)
        {
            if (keys != _current && IdOf(keys, digest) == id)
            {
                return true;
            }
        }

        return false;
    }

    internal void SealFrame(bool isNode, ReadOnlySpan<byte> header, ReadOnlySpan<byte> content, Span<byte> destination) =>
        Seal(isNode ? _current.Trees : _current.Frames, isNode ? s_nodeLabel : s_frameLabel, header, content, destination);

    internal bool TryOpenFrame(bool isNode, ReadOnlySpan<byte> header, ReadOnlySpan<byte> sealedContent, Span<byte> destination) =>
        TryFindEpoch(sealedContent, out EpochKeys? keys)
        && AeadSeal.TryOpen(isNode ? keys.Trees : keys.Frames, isNode ? s_nodeLabel : s_frameLabel, header, sealedContent[4..], destination);

    internal byte[] SealDescriptor(ReadOnlySpan<byte> context, ReadOnlySpan<byte> descriptor)
    {
        byte[] sealedDescriptor = new byte[descriptor.Length + Overhead];
        Seal(_current.Trees, s_descriptorLabel, context, descriptor, sealedDescriptor);
        return sealedDescriptor;
    }

    /// <returns>The descriptor, or null.</returns>
    internal byte[]? TryOpenDescriptor(ReadOnlySpan<byte> context, ReadOnlySpan<byte> sealedDescriptor)
    {
        if (sealedDescriptor.Length < Overhead || !TryFindEpoch(sealedDescriptor, out EpochKeys? keys))
        {
            return null;
        }

        byte[] descriptor = new byte[sealedDescriptor.Length - Overhead];
        return AeadSeal.TryOpen(keys.Trees, s_descriptorLabel, context, sealedDescriptor[4..], descriptor) ? descriptor : null;
    }

    /// <summary>The form in which the name of an image stands in the repository: 32 hexadecimal digits that tell nothing of it.</summary>
    internal string HashName(string name)
    {
        Span<byte> hash = stackalloc byte[32];
        HMACSHA256.HashData(_current.Names, Encoding.UTF8.GetBytes(name), hash);
        return Convert.ToHexStringLower(hash[..16]);
    }

    /// <summary>The epoch that content says it was sealed in; null where its keys are not at hand.</summary>
    internal bool TryFindEpoch(ReadOnlySpan<byte> sealedContent, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out EpochKeys? keys)
    {
        keys = null;
        return sealedContent.Length >= 4 && _epochs.TryGetValue(BinaryPrimitives.ReadUInt32LittleEndian(sealedContent), out keys);
    }

    private static ContentDigest IdOf(EpochKeys keys, ContentDigest digest)
    {
        Span<byte> plain = stackalloc byte[ContentDigest.SizeInBytes];
        digest.CopyTo(plain);
        Span<byte> id = stackalloc byte[ContentDigest.SizeInBytes];
        Blake3.KeyedHashData(keys.Ids, plain, id);
        return new ContentDigest(id);
    }

    private void Seal(byte[] key, byte[] label, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> content, Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, _current.Epoch);
        AeadSeal.Seal(key, label, associatedData, content, destination[4..]);
    }
}
