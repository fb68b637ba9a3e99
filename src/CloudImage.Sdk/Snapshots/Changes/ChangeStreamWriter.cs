using System;
using System.IO;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Compression;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots.Packs;

namespace CloudImage.Sdk.Snapshots.Changes;

/// <summary>Writes a change stream, once and in order. One user at a time.</summary>
internal sealed class ChangeStreamWriter : IDisposable
{
    private readonly Stream _destination;
    private readonly ChangeStreamHeader _header;
    private readonly ChunkCodec _codec;
    private readonly FrameCodec _frames;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _plain;
    private readonly byte[] _record;

    public ChangeStreamWriter(Stream destination, ChangeStreamHeader header, ChunkCodec codec)
    {
        _destination = destination;
        _header = header;
        _codec = codec;
        _frames = new FrameCodec(header.Suite, RepositoryProtection.None);
        _plain = new byte[header.ChunkSize];
        _record = new byte[ChangeRecord.SizeInBytes + header.ChunkSize];
    }

    public long WrittenBytes { get; private set; }

    public async ValueTask WriteAsync(VirtualDisk newer, BlockMap changes, Action<long> progress, CancellationToken cancellationToken)
    {
        await AppendAsync(_header.ToArray(), cancellationToken).ConfigureAwait(false);
        foreach (DiskExtent change in changes)
        {
            if (change.Kind == DiskExtentKind.Data)
            {
                await WriteChunksAsync(newer, change, progress, cancellationToken).ConfigureAwait(false);
            }
            else
            {
                await AppendAsync(new ChangeRecord(ChangeRecord.Zero, ChunkCodecId.Stored, 0, change.Offset, change.Length, default), ReadOnlyMemory<byte>.Empty, cancellationToken).ConfigureAwait(false);
                progress(change.End);
            }
        }

        // The hash covers all before the end's own digest field; only its other fields are constant.
        ContentDigest total = new(_hash.GetCurrentHash());
        await AppendAsync(new ChangeRecord(ChangeRecord.End, ChunkCodecId.Stored, 0, 0, 0, total), ReadOnlyMemory<byte>.Empty, cancellationToken).ConfigureAwait(false);
        await _destination.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    public void Dispose() => _hash.Dispose();

    private async ValueTask WriteChunksAsync(VirtualDisk newer, DiskExtent change, Action<long> progress, CancellationToken cancellationToken)
    {
        for (long offset = change.Offset; offset < change.End; offset += _header.ChunkSize)
        {
            int length = (int)Math.Min(_header.ChunkSize, change.End - offset);
            await newer.ReadAsync(_plain.AsMemory(0, length), offset, cancellationToken).ConfigureAwait(false);
            _plain.AsSpan(length).Clear();
            int stored = _codec.Compress(_plain, _record.AsSpan(ChangeRecord.SizeInBytes), out ChunkCodecId codec);
            await AppendAsync(
                new ChangeRecord(ChangeRecord.Chunk, codec, stored, offset, length, _frames.Hash(_plain)), _record.AsMemory(ChangeRecord.SizeInBytes, stored), cancellationToken).ConfigureAwait(false);
            progress(offset + length);
        }
    }

    private ValueTask AppendAsync(ChangeRecord record, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken)
    {
        record.Write(_record);
        return AppendAsync(_record.AsMemory(0, ChangeRecord.SizeInBytes + payload.Length), cancellationToken);
    }

    private async ValueTask AppendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        _hash.AppendData(bytes.Span);
        await _destination.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
        WrittenBytes += bytes.Length;
    }
}
