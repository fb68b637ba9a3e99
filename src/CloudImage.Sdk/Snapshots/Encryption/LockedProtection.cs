using System;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;

namespace CloudImage.Sdk.Snapshots.Encryption;

/// <summary>The protection of an encrypted repository that was opened without a key: its integrity can be verified, nothing can be read or written.</summary>
internal sealed class LockedProtection : RepositoryProtection
{
    private const string Message = "The repository was opened without a key: only its integrity can be verified.";

    /// <inheritdoc/>
    public override bool HasKeys => false;

    /// <inheritdoc/>
    public override bool HasKeysOf(ReadOnlySpan<byte> sealedContent) => false;

    /// <inheritdoc/>
    public override bool IsSealed => true;

    /// <inheritdoc/>
    public override int PayloadOverhead => FrameSealer.Overhead;

    /// <inheritdoc/>
    public override ContentDigest IdOf(ContentDigest digest) => throw new RepositoryKeyException(Message);

    /// <inheritdoc/>
    public override bool IsIdOf(ContentDigest id, ContentDigest digest) => throw new RepositoryKeyException(Message);

    /// <inheritdoc/>
    public override void Seal(in FrameHeader header, ReadOnlySpan<byte> payload, Span<byte> destination) => throw new RepositoryKeyException(Message);

    /// <inheritdoc/>
    public override bool TryOpen(in FrameHeader header, ReadOnlySpan<byte> sealedPayload, Span<byte> destination) => throw new RepositoryKeyException(Message);

    /// <inheritdoc/>
    public override ReadOnlyMemory<byte> SealDescriptor(SessionId session, ReadOnlyMemory<byte> descriptor) => throw new RepositoryKeyException(Message);

    /// <inheritdoc/>
    public override ReadOnlyMemory<byte> OpenDescriptor(string name, SessionId session, ReadOnlyMemory<byte> descriptor) => throw new RepositoryKeyException(Message);

    /// <inheritdoc/>
    public override string EncodeImage(string image) => throw new RepositoryKeyException(Message);
}
