using System;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;

namespace CloudImage.Sdk.Snapshots;

/// <summary>What stands between plain content and the store: ids, sealing of frames and descriptors, names of images.</summary>
/// <remarks>Thread-safe. This class is the protection of a repository without encryption: everything is as it is.</remarks>
internal class RepositoryProtection
{
    public static RepositoryProtection None { get; } = new();

    /// <summary>Whether content can be opened; without the keys of an encrypted repository only its packs, records and segments can be verified.</summary>
    public virtual bool HasKeys => true;

    /// <summary>Whether the keys of the epoch are at hand in which something says that it was sealed.</summary>
    public virtual bool HasKeysOf(ReadOnlySpan<byte> sealedContent) => true;

    /// <summary>Whether frames are sealed.</summary>
    public virtual bool IsSealed => false;

    /// <summary>By how many bytes sealing lengthens a payload.</summary>
    public virtual int PayloadOverhead => 0;

    /// <summary>The id under which a digest is known to the store.</summary>
    public virtual ContentDigest IdOf(ContentDigest digest) => digest;

    /// <summary>Whether an id is that of a digest, by any of the keys that sealed content of this repository.</summary>
    public virtual bool IsIdOf(ContentDigest id, ContentDigest digest) => id == digest;

    /// <summary>Seals a payload; the header is bound to it.</summary>
    /// <param name="header">The header of the frame, with its final lengths.</param>
    /// <param name="payload">The compressed content.</param>
    /// <param name="destination">Receives payload and overhead.</param>
    public virtual void Seal(in FrameHeader header, ReadOnlySpan<byte> payload, Span<byte> destination) => payload.CopyTo(destination);

    /// <summary>Opens a sealed payload.</summary>
    /// <returns>Whether the seal was whole and of this repository's keys.</returns>
    public virtual bool TryOpen(in FrameHeader header, ReadOnlySpan<byte> sealedPayload, Span<byte> destination)
    {
        sealedPayload.CopyTo(destination);
        return true;
    }

    /// <summary>Whether a frame of another repository can be taken as it is: sealed by nobody, or with keys that this repository has under the same number.</summary>
    /// <param name="source">The other repository's protection.</param>
    /// <param name="payload">The payload of the frame as it is stored.</param>
    public virtual bool TakesVerbatim(RepositoryProtection source, ReadOnlySpan<byte> payload) => !source.IsSealed;

    /// <summary>Seals a descriptor; the session is bound to it.</summary>
    public virtual ReadOnlyMemory<byte> SealDescriptor(SessionId session, ReadOnlyMemory<byte> descriptor) => descriptor;

    /// <summary>Opens a sealed descriptor.</summary>
    /// <exception cref="SnapshotRepositoryException">The seal is not whole, or the key is another one.</exception>
    public virtual ReadOnlyMemory<byte> OpenDescriptor(string name, SessionId session, ReadOnlyMemory<byte> descriptor) => descriptor;

    /// <summary>The form in which the name of an image stands in object names.</summary>
    public virtual string EncodeImage(string image) => ObjectNames.EncodeImage(image);
}
