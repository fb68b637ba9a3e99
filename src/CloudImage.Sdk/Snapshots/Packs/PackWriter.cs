using System;
using System.Collections.Generic;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots.Packs;

/// <summary>Writes one pack as a stream of frames. One user at a time; disposal without <see cref="CompleteAsync"/> leaves nothing.</summary>
internal sealed class PackWriter : IAsyncDisposable
{
    private readonly ObjectUpload _upload;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly List<PackSlot> _slots = [];
    private long _position;

    private PackWriter(PackId id, ObjectUpload upload)
    {
        Id = id;
        _upload = upload;
    }

    public PackId Id { get; }

    public long Length => _position;

    public int FrameCount => _slots.Count;

    public IReadOnlyList<PackSlot> Slots => _slots;

    public static async ValueTask<PackWriter> BeginAsync(ObjectStore store, PackId id, CancellationToken cancellationToken)
    {
        ObjectCreateOptions options = new() { Temperature = id.Kind == PackKind.Tree ? ObjectTemperature.Warm : ObjectTemperature.Cold, ExpectedLength = TargetLength(id) };
        PackWriter writer = new(id, await store.BeginCreateAsync(id.ToString(), options, cancellationToken).ConfigureAwait(false));
        byte[] header = new byte[PackLayout.HeaderLength];
        PackLayout.WriteHeader(id, header);
        await writer.WriteAsync(header, cancellationToken).ConfigureAwait(false);
        return writer;
    }

    /// <summary>Whether a frame more would lead the pack, with its table and footer, beyond its limits.</summary>
    public bool IsFull(int frameLength) =>
        _slots.Count == PackLayout.MaxFrames || (_slots.Count > 0 && _position + frameLength + PackLayout.TailLength(_slots.Count + 1) > TargetLength(Id));

    /// <summary>Appends a frame with its header.</summary>
    public async ValueTask<FramePlace> AppendAsync(ReadOnlyMemory<byte> frame, FrameHeader header, CancellationToken cancellationToken)
    {
        FramePlace place = new(Id, (uint)_position, (uint)frame.Length);
        _slots.Add(new PackSlot(place.Offset, header));
        await WriteAsync(frame, cancellationToken).ConfigureAwait(false);
        return place;
    }

    /// <summary>Writes table and footer and publishes the pack.</summary>
    /// <exception cref="SnapshotRepositoryException">A pack of that name exists.</exception>
    public async ValueTask CompleteAsync(CancellationToken cancellationToken)
    {
        await WriteAsync(PackLayout.BuildTail(Id, _slots, _position), cancellationToken).ConfigureAwait(false);
        byte[] hash = _hash.GetCurrentHash();
        _hash.AppendData(hash);
        _upload.Checksum = new ObjectChecksum(ObjectChecksumKind.Sha256, _hash.GetHashAndReset());
        await _upload.AppendAsync(hash, cancellationToken).ConfigureAwait(false);
        _position += hash.Length;
        if (!await _upload.CompleteAsync(cancellationToken).ConfigureAwait(false))
        {
            throw new SnapshotRepositoryException($"Object '{Id}' exists already, although its name was drawn for this session alone.");
        }
    }

    public async ValueTask DisposeAsync()
    {
        _hash.Dispose();
        await _upload.DisposeAsync().ConfigureAwait(false);
    }

    private static int TargetLength(PackId id) => id.Kind == PackKind.Data ? PackLayout.DataPackLength : PackLayout.TreePackLength;

    private async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        _hash.AppendData(bytes.Span);
        await _upload.AppendAsync(bytes, cancellationToken).ConfigureAwait(false);
        _position += bytes.Length;
    }
}
