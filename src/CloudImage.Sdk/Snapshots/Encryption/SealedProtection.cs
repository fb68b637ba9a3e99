using System;
using System.Text;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;

namespace CloudImage.Sdk.Snapshots.Encryption;

/// <summary>The protection of an encrypted repository whose keys are at hand. Thread-safe.</summary>
internal sealed class SealedProtection(FrameSealer sealer) : RepositoryProtection
{
    private FrameSealer Sealer => sealer;

    /// <inheritdoc/>
    public override bool HasKeysOf(ReadOnlySpan<byte> sealedContent) => sealer.TryFindEpoch(sealedContent, out _);

    /// <inheritdoc/>
    public override bool IsSealed => true;

    /// <inheritdoc/>
    public override int PayloadOverhead => FrameSealer.Overhead;

    /// <inheritdoc/>
    public override ContentDigest IdOf(ContentDigest digest) => sealer.IdOf(digest);

    /// <inheritdoc/>
    public override bool IsIdOf(ContentDigest id, ContentDigest digest) => sealer.IsIdOf(id, digest);

    /// <inheritdoc/>
    public override void Seal(in FrameHeader header, ReadOnlySpan<byte> payload, Span<byte> destination)
    {
        Span<byte> associatedData = stackalloc byte[FrameHeader.SizeInBytes];
        header.Write(associatedData);
        sealer.SealFrame(header.Kind == FrameKind.Node, associatedData, payload, destination);
    }

    /// <inheritdoc/>
    public override bool TryOpen(in FrameHeader header, ReadOnlySpan<byte> sealedPayload, Span<byte> destination)
    {
        Span<byte> associatedData = stackalloc byte[FrameHeader.SizeInBytes];
        header.Write(associatedData);
        return sealer.TryOpenFrame(header.Kind == FrameKind.Node, associatedData, sealedPayload, destination);
    }

    /// <inheritdoc/>
    public override bool TakesVerbatim(RepositoryProtection source, ReadOnlySpan<byte> payload) =>
        source is SealedProtection other && other.Sealer.TryFindEpoch(payload, out EpochKeys? theirs)
        && Sealer.TryFindEpoch(payload, out EpochKeys? ours) && ours.Check.AsSpan().SequenceEqual(theirs.Check);

    /// <inheritdoc/>
    public override ReadOnlyMemory<byte> SealDescriptor(SessionId session, ReadOnlyMemory<byte> descriptor) =>
        sealer.SealDescriptor(GetContext(session), descriptor.Span);

    /// <inheritdoc/>
    public override ReadOnlyMemory<byte> OpenDescriptor(string name, SessionId session, ReadOnlyMemory<byte> descriptor)
    {
        byte[]? opened = sealer.TryOpenDescriptor(GetContext(session), descriptor.Span);
        if (opened is not null)
        {
            return opened;
        }

        throw sealer.TryFindEpoch(descriptor.Span, out _)
            ? new RepositoryCorruptException(name, 0, "the seal of its descriptor is not whole.")
            : new RepositoryKeyException($"'{name}' was sealed in an epoch whose keys are not at hand: this holder was not given them, or they were destroyed.");
    }

    /// <inheritdoc/>
    public override string EncodeImage(string image)
    {
        // The same names are allowed as in a repository without encryption.
        ObjectNames.EncodeImage(image);
        return sealer.HashName(image);
    }

    private static byte[] GetContext(SessionId session) => Encoding.ASCII.GetBytes(ObjectNames.Session(session));
}
