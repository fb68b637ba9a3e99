using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Security.Cryptography;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots.Index;

/// <summary>Writes a segment from entries in order. Blocks stream; filter and fences grow with the number of entries, at some ten bits each.</summary>
internal sealed class SegmentWriter : IAsyncDisposable
{
    private readonly ObjectUpload _upload;
    private readonly string _name;
    private readonly IReadOnlyList<PackId> _packs;
    private readonly IReadOnlyList<string> _sources;
    private readonly KeyFilter _filter;
    private readonly List<ulong> _fences = [];
    private readonly byte[] _block = new byte[SegmentLayout.BlockLength];
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private int _filled;
    private long _count;
    private IndexEntry _last;

    private SegmentWriter(string name, ObjectUpload upload, IReadOnlyList<PackId> packs, IReadOnlyList<string> sources, long expectedCount)
    {
        _name = name;
        _upload = upload;
        _packs = packs;
        _sources = sources;
        _filter = KeyFilter.For(expectedCount);
    }

    public long Length => _upload.Length;

    /// <summary>Begins a segment.</summary>
    /// <param name="store">The store.</param>
    /// <param name="name">The object name.</param>
    /// <param name="packs">The table that the entries' numbers count in.</param>
    /// <param name="sources">The segments whose entries this one takes over; none for a session's own.</param>
    /// <param name="expectedCount">How many entries are to come, at most.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async ValueTask<SegmentWriter> BeginAsync(
        ObjectStore store, string name, IReadOnlyList<PackId> packs, IReadOnlyList<string> sources, long expectedCount, CancellationToken cancellationToken)
    {
        ObjectCreateOptions options = new() { Temperature = ObjectTemperature.Warm };
        SegmentWriter writer = new(name, await store.BeginCreateAsync(name, options, cancellationToken).ConfigureAwait(false), packs, sources, expectedCount);
        byte[] header = new byte[SegmentLayout.HeaderLength];
        BinaryPrimitives.WriteUInt32LittleEndian(header, SegmentLayout.HeaderMagic);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), SegmentLayout.BlockLength);
        writer._hash.AppendData(Encoding.UTF8.GetBytes(name));
        writer._hash.AppendData(header);
        await writer._upload.AppendAsync(header, cancellationToken).ConfigureAwait(false);
        return writer;
    }

    /// <summary>Adds an entry; one that repeats the key before it is left out.</summary>
    public async ValueTask AddAsync(IndexEntry entry, CancellationToken cancellationToken)
    {
        if (_count > 0 && entry.Key.CompareTo(_last.Key) <= 0)
        {
            if (entry.Key == _last.Key)
            {
                return;
            }

            throw new InvalidOperationException("The entries of a segment come in order.");
        }

        if (_filled == 0)
        {
            _fences.Add(entry.Key.High);
        }

        SegmentLayout.WriteEntry(_block, _filled++, entry);
        _filter.Add(entry.Key);
        _last = entry;
        _count++;
        if (_filled == SegmentLayout.EntriesPerBlock)
        {
            await FlushBlockAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Writes the end and publishes the segment.</summary>
    /// <returns>Whether no object of that name existed.</returns>
    public async ValueTask<bool> CompleteAsync(CancellationToken cancellationToken)
    {
        if (_filled > 0)
        {
            await FlushBlockAsync(cancellationToken).ConfigureAwait(false);
        }

        byte[] packs = new byte[_packs.Count * PackId.SizeInBytes];
        for (int index = 0; index < _packs.Count; index++)
        {
            _packs[index].Write(packs.AsSpan(index * PackId.SizeInBytes));
        }

        byte[] fences = new byte[_fences.Count * 8];
        for (int index = 0; index < _fences.Count; index++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(fences.AsSpan(index * 8), _fences[index]);
        }

        byte[] sources = Encoding.UTF8.GetBytes(string.Join('\n', _sources));
        byte[] footer = new byte[SegmentLayout.FooterLength];
        BinaryPrimitives.WriteUInt32LittleEndian(footer, SegmentLayout.FooterMagic);
        BinaryPrimitives.WriteInt32LittleEndian(footer.AsSpan(4), _packs.Count);
        BinaryPrimitives.WriteInt64LittleEndian(footer.AsSpan(8), _count);
        BinaryPrimitives.WriteInt64LittleEndian(footer.AsSpan(16), _fences.Count);
        BinaryPrimitives.WriteInt64LittleEndian(footer.AsSpan(24), _filter.Blocks.Length);
        BinaryPrimitives.WriteInt64LittleEndian(footer.AsSpan(32), sources.Length);
        foreach (ReadOnlyMemory<byte> part in (ReadOnlyMemory<byte>[])[packs, _filter.Blocks, fences, sources, footer.AsMemory(0, SegmentLayout.FooterHashOffset)])
        {
            _hash.AppendData(part.Span);
            await _upload.AppendAsync(part, cancellationToken).ConfigureAwait(false);
        }

        _hash.GetHashAndReset(footer.AsSpan(SegmentLayout.FooterHashOffset));
        await _upload.AppendAsync(footer.AsMemory(SegmentLayout.FooterHashOffset), cancellationToken).ConfigureAwait(false);
        return await _upload.CompleteAsync(cancellationToken).ConfigureAwait(false);
    }

    public override string ToString() => _name;

    public async ValueTask DisposeAsync()
    {
        _hash.Dispose();
        await _upload.DisposeAsync().ConfigureAwait(false);
    }

    private async ValueTask FlushBlockAsync(CancellationToken cancellationToken)
    {
        _block.AsSpan(16 + (_filled * SegmentLayout.EntryLength)).Clear();
        SegmentLayout.SealBlock(_block, _filled, _fences.Count - 1);
        _filled = 0;
        await _upload.AppendAsync(_block, cancellationToken).ConfigureAwait(false);
    }
}
