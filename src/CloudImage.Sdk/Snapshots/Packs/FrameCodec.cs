using System;
using System.Buffers;
using System.Security.Cryptography;
using CloudImage.Sdk.Compression;
using CloudImage.Sdk.Hashing;

namespace CloudImage.Sdk.Snapshots.Packs;

/// <summary>Makes frames of chunks and nodes, and chunks and nodes of frames. Thread-safe.</summary>
internal sealed class FrameCodec
{
    private readonly RepositoryProtection _protection;

    public FrameCodec(ContentHashAlgorithm suite, RepositoryProtection protection)
    {
        Suite = suite;
        _protection = protection;
    }

    public ContentHashAlgorithm Suite { get; }

    public ContentDigest Hash(ReadOnlySpan<byte> plain)
    {
        if (Suite == ContentHashAlgorithm.Blake3)
        {
            return Blake3.HashData(plain);
        }

        Span<byte> digest = stackalloc byte[ContentDigest.SizeInBytes];
        SHA256.HashData(plain, digest);
        return new ContentDigest(digest);
    }

    public ContentDigest IdOf(ContentDigest digest) => _protection.IdOf(digest);

    public bool IsIdOf(ContentDigest id, ContentDigest digest) => _protection.IsIdOf(id, digest);

    /// <summary>The longest frame of a plain length.</summary>
    public int MaxFrameLength(int plainLength) => FrameHeader.SizeInBytes + plainLength + _protection.PayloadOverhead;

    /// <summary>Compresses and seals; what does not become smaller is stored as it is.</summary>
    /// <param name="kind">Chunk or node.</param>
    /// <param name="digest">The digest of the chunk, or the hash of the node.</param>
    /// <param name="plain">The plain bytes.</param>
    /// <param name="compressor">How to compress.</param>
    /// <param name="destination">Receives the frame: at least <see cref="MaxFrameLength"/> bytes.</param>
    /// <returns>The header, which stands at the start of the destination too.</returns>
    public FrameHeader Encode(FrameKind kind, ContentDigest digest, ReadOnlySpan<byte> plain, ChunkCodec compressor, Span<byte> destination)
    {
        Span<byte> body = destination[FrameHeader.SizeInBytes..];
        if (!_protection.IsSealed)
        {
            int length = compressor.Compress(plain, body[..plain.Length], out ChunkCodecId codec);
            FrameHeader header = new(kind, codec, false, plain.Length, length, IdOf(digest));
            header.Write(destination);
            return header;
        }

        byte[] scratch = ArrayPool<byte>.Shared.Rent(plain.Length);
        try
        {
            // What does not shrink is sealed from where it is, without a copy. The scratch is not wiped: the plain
            // bytes of the disk lie in the buffers of this process as well.
            bool isSmaller = compressor.TryCompress(plain, scratch.AsSpan(0, plain.Length), out int length);
            ReadOnlySpan<byte> content = isSmaller ? scratch.AsSpan(0, length) : plain;
            ChunkCodecId codec = isSmaller ? compressor.Id : ChunkCodecId.Stored;
            FrameHeader header = new(kind, codec, true, plain.Length, content.Length + _protection.PayloadOverhead, IdOf(digest));
            header.Write(destination);
            _protection.Seal(header, content, body[..header.PayloadLength]);
            return header;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(scratch);
        }
    }

    /// <summary>Opens a frame of a chunk into a buffer of exactly the chunk's length, and compares the digest.</summary>
    /// <exception cref="RepositoryCorruptException">The frame is not the one that the tree names; the buffer is cleared.</exception>
    public void DecodeChunk(in FramePlace place, ReadOnlySpan<byte> frame, ContentDigest digest, Span<byte> plain)
    {
        FrameHeader header = ReadHeader(place, frame, FrameKind.Chunk, digest);
        bool isValid = header.PlainLength == plain.Length && TryDecode(header, frame[FrameHeader.SizeInBytes..], plain) && Hash(plain) == digest;
        if (!isValid)
        {
            plain.Clear();
            throw new RepositoryCorruptException(place.Pack.ToString(), place.Offset, $"the chunk does not have the digest {digest}.");
        }
    }

    /// <summary>Refuses a place whose length no frame of a chunk can have, before anything is allocated for it.</summary>
    /// <exception cref="RepositoryCorruptException">It is too long.</exception>
    public void ThrowIfTooLong(in FramePlace place, int plainLength)
    {
        if (place.Length > (uint)MaxFrameLength(plainLength))
        {
            throw new RepositoryCorruptException(place.Pack.ToString(), place.Offset, $"a frame of {place.Length} bytes is longer than any chunk's.");
        }
    }

    /// <summary>Opens a frame of a chunk to its coded content, and checks that this decodes to the chunk.</summary>
    /// <param name="place">Where the frame lies, for messages.</param>
    /// <param name="frame">The frame.</param>
    /// <param name="digest">The digest that the tree names.</param>
    /// <param name="coded">Receives the coded content: at least as long as the payload.</param>
    /// <param name="plain">Receives the chunk: exactly its length.</param>
    /// <param name="codedLength">Receives the length of the coded content.</param>
    /// <returns>The frame's header.</returns>
    /// <exception cref="RepositoryCorruptException">The frame is not the one that the tree names.</exception>
    public FrameHeader OpenChunk(in FramePlace place, ReadOnlySpan<byte> frame, ContentDigest digest, Span<byte> coded, Span<byte> plain, out int codedLength)
    {
        FrameHeader header = ReadHeader(place, frame, FrameKind.Chunk, digest);
        codedLength = header.PayloadLength - _protection.PayloadOverhead;
        bool isValid = header.PlainLength == plain.Length && header.IsSealed == _protection.IsSealed && codedLength > 0
            && _protection.TryOpen(header, frame[FrameHeader.SizeInBytes..], coded[..codedLength])
            && ChunkCodec.TryDecompress(header.Codec, coded[..codedLength], plain) && Hash(plain) == digest;
        return isValid
            ? header
            : throw new RepositoryCorruptException(place.Pack.ToString(), place.Offset, $"the chunk does not have the digest {digest}.");
    }

    /// <summary>Opens a frame of a patch to its coded content, and checks that this decodes to the patch.</summary>
    /// <param name="place">Where the frame lies, for messages.</param>
    /// <param name="frame">The frame.</param>
    /// <param name="digest">The digest of the patch that the tree names.</param>
    /// <param name="coded">Receives the coded content: at least as long as the payload.</param>
    /// <param name="maxLength">The longest patch of the repository's chunks.</param>
    /// <param name="codedLength">Receives the length of the coded content.</param>
    /// <returns>The frame's header, and mask and blocks.</returns>
    /// <exception cref="RepositoryCorruptException">The frame is not the one that the tree names.</exception>
    public (FrameHeader Header, byte[] Patch) OpenPatch(in FramePlace place, ReadOnlySpan<byte> frame, ContentDigest digest, Span<byte> coded, int maxLength, out int codedLength)
    {
        FrameHeader header = ReadHeader(place, frame, FrameKind.Patch, digest);
        codedLength = header.PayloadLength - _protection.PayloadOverhead;
        byte[] patch = header.PlainLength <= maxLength ? new byte[header.PlainLength] : [];
        bool isValid = patch.Length > 0 && header.IsSealed == _protection.IsSealed && codedLength > 0
            && _protection.TryOpen(header, frame[FrameHeader.SizeInBytes..], coded[..codedLength])
            && ChunkCodec.TryDecompress(header.Codec, coded[..codedLength], patch) && Hash(patch) == digest;
        return isValid
            ? (header, patch)
            : throw new RepositoryCorruptException(place.Pack.ToString(), place.Offset, $"the patch does not have the digest {digest}.");
    }

    /// <summary>Makes a frame of content that is coded already.</summary>
    /// <param name="kind">A chunk or a patch.</param>
    /// <param name="codec">How it is coded.</param>
    /// <param name="digest">The digest of the chunk or of the patch.</param>
    /// <param name="plainLength">Its length before it was coded.</param>
    /// <param name="coded">The coded content.</param>
    /// <param name="destination">Receives the frame: at least <see cref="MaxFrameLength"/> bytes of the plain length.</param>
    /// <returns>The header, which stands at the start of the destination too.</returns>
    public FrameHeader SealCoded(FrameKind kind, ChunkCodecId codec, ContentDigest digest, int plainLength, ReadOnlySpan<byte> coded, Span<byte> destination)
    {
        FrameHeader header = new(kind, codec, _protection.IsSealed, plainLength, coded.Length + _protection.PayloadOverhead, IdOf(digest));
        header.Write(destination);
        _protection.Seal(header, coded, destination.Slice(FrameHeader.SizeInBytes, header.PayloadLength));
        return header;
    }

    /// <summary>Opens the frame of a patch, and compares the digest of mask and blocks.</summary>
    /// <param name="place">Where the frame lies, for messages.</param>
    /// <param name="frame">The frame.</param>
    /// <param name="digest">The digest that the tree names.</param>
    /// <param name="maxLength">The longest patch of the repository's chunks.</param>
    /// <exception cref="RepositoryCorruptException">The frame is not the one that the tree names.</exception>
    public byte[] DecodePatch(in FramePlace place, ReadOnlySpan<byte> frame, ContentDigest digest, int maxLength)
    {
        FrameHeader header = ReadHeader(place, frame, FrameKind.Patch, digest);
        byte[] plain = header.PlainLength <= maxLength ? new byte[header.PlainLength] : [];
        return plain.Length > 0 && TryDecode(header, frame[FrameHeader.SizeInBytes..], plain) && Hash(plain) == digest
            ? plain
            : throw new RepositoryCorruptException(place.Pack.ToString(), place.Offset, $"the patch does not have the digest {digest}.");
    }

    /// <summary>Opens the frame of a node; the caller compares its hash, and returns the buffer to <see cref="ArrayPool{T}.Shared"/>.</summary>
    /// <param name="place">Where the frame lies, for messages.</param>
    /// <param name="frame">The frame.</param>
    /// <param name="hash">The hash that the tree names.</param>
    /// <param name="length">Receives the length of the node at the start of the buffer.</param>
    /// <exception cref="RepositoryCorruptException">The frame is not the one that the tree names.</exception>
    public byte[] RentNode(in FramePlace place, ReadOnlySpan<byte> frame, ContentDigest hash, out int length)
    {
        FrameHeader header = ReadHeader(place, frame, FrameKind.Node, hash);
        byte[] rented = ArrayPool<byte>.Shared.Rent(header.PlainLength);
        if (TryDecode(header, frame[FrameHeader.SizeInBytes..], rented.AsSpan(0, header.PlainLength)))
        {
            length = header.PlainLength;
            return rented;
        }

        ArrayPool<byte>.Shared.Return(rented);
        throw new RepositoryCorruptException(place.Pack.ToString(), place.Offset, "the node cannot be decoded.");
    }

    /// <summary>Opens a frame whose digest is checked by its id, or by nobody.</summary>
    public bool TryDecode(in FrameHeader header, ReadOnlySpan<byte> payload, Span<byte> plain)
    {
        if (header.IsSealed != _protection.IsSealed || payload.Length != header.PayloadLength || header.PayloadLength <= _protection.PayloadOverhead)
        {
            return false;
        }

        if (!header.IsSealed)
        {
            return ChunkCodec.TryDecompress(header.Codec, payload, plain);
        }

        int length = payload.Length - _protection.PayloadOverhead;
        if (header.Codec == ChunkCodecId.Stored)
        {
            return length == plain.Length && _protection.TryOpen(header, payload, plain);
        }

        byte[] scratch = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            return _protection.TryOpen(header, payload, scratch.AsSpan(0, length)) && ChunkCodec.TryDecompress(header.Codec, scratch.AsSpan(0, length), plain);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(scratch);
        }
    }

    private FrameHeader ReadHeader(in FramePlace place, ReadOnlySpan<byte> frame, FrameKind kind, ContentDigest digest)
    {
        bool isValid = FrameHeader.TryRead(frame, out FrameHeader header) && header.Kind == kind && header.FrameLength == frame.Length && IsIdOf(header.Id, digest);
        return isValid
            ? header
            : throw new RepositoryCorruptException(place.Pack.ToString(), place.Offset, $"there is no frame of {digest} with {frame.Length} bytes here.");
    }
}
