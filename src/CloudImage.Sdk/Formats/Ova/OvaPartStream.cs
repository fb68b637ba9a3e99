using System;
using System.Collections.Generic;
using System.IO;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats.Archives;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Ova;

/// <summary>The file of a disk while its members pass: read forward, parts joined, digests taken along the way.</summary>
internal sealed class OvaPartStream : Stream
{
    private readonly TarReader _reader;
    private readonly OvfFile _file;
    private readonly string[] _algorithms;
    private readonly Dictionary<string, IncrementalHash[]> _hashes = new(StringComparer.Ordinal);
    private readonly bool _isCut;
    private TarMember? _member;
    private int _partIndex;
    private long _rest;

    /// <param name="reader">The archive, whose current member is the first of the file.</param>
    /// <param name="file">The file.</param>
    /// <param name="first">Its first member.</param>
    /// <param name="algorithms">Which digests to take.</param>
    public OvaPartStream(TarReader reader, OvfFile file, TarMember first, string[] algorithms)
    {
        _algorithms = algorithms;
        _reader = reader;
        _file = file;
        _isCut = first.Name != file.Name && first.Name != Uri.UnescapeDataString(file.Name);
        Enter(first);
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException("The stream is read forward only and does not know its length.");

    public override long Position
    {
        get => throw new NotSupportedException("The stream is read forward only.");
        set => throw new NotSupportedException("The stream is read forward only.");
    }

    /// <summary>The first member behind the file, once the end of the file was read.</summary>
    public TarMember? Following { get; private set; }

    public override int Read(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        return SyncBridge.Completed(ReadAsync(buffer.AsMemory(offset, count), IoMode.Synchronous, CancellationToken.None));
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        ValidateBufferArguments(buffer, offset, count);
        return ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        ReadAsync(buffer, IoMode.Asynchronous, cancellationToken);

    /// <summary>Reads what is left of the file, so that its digests are complete.</summary>
    public async ValueTask DrainAsync(IoMode mode, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[65536];
        while (await ReadAsync(buffer, mode, cancellationToken).ConfigureAwait(false) > 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    /// <summary>The digest of a member that was read; null where it was not one of the file's.</summary>
    public byte[]? DigestOf(string name, string algorithm)
    {
        int index = Array.IndexOf(_algorithms, algorithm);
        return index < 0 || !_hashes.TryGetValue(name, out IncrementalHash[]? hashes) ? null : hashes[index].GetCurrentHash();
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("The stream is read forward only.");

    public override void SetLength(long value) => throw new NotSupportedException("The stream cannot be written.");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("The stream cannot be written.");

    public override void Flush()
    {
    }

    protected override void Dispose(bool disposing)
    {
        foreach (IncrementalHash[] hashes in _hashes.Values)
        {
            Array.ForEach(hashes, static hash => hash.Dispose());
        }

        base.Dispose(disposing);
    }

    private async ValueTask<int> ReadAsync(Memory<byte> buffer, IoMode mode, CancellationToken cancellationToken)
    {
        while (_rest == 0 && _member is not null)
        {
            await NextPartAsync(mode, cancellationToken).ConfigureAwait(false);
        }

        int count = (int)Math.Min(buffer.Length, _rest);
        if (count == 0 || _member is null)
        {
            return 0;
        }

        await _reader.ReadAsync(buffer[..count], mode, cancellationToken).ConfigureAwait(false);
        _rest -= count;
        foreach (IncrementalHash hash in _hashes[_member.Name])
        {
            hash.AppendData(buffer.Span[..count]);
        }

        return count;
    }

    private async ValueTask NextPartAsync(IoMode mode, CancellationToken cancellationToken)
    {
        TarMember? next = await _reader.ReadNextAsync(mode, cancellationToken).ConfigureAwait(false);
        if (_isCut && next is not null && next.Name == OvaMembers.PartName(_file.Name, _partIndex + 1))
        {
            if (_file.ChunkLength is { } length && _member!.Length != length)
            {
                throw new DiskFormatException(OvaConstants.Name, _member.HeaderOffset, $"The part '{_member.Name}' has {_member.Length} bytes; every part but the last has {length}. One may be missing.");
            }

            _partIndex++;
            OvaMembers.ThrowIfHostile(next);
            Enter(next);
            return;
        }

        Following = next;
        _member = null;
    }

    private void Enter(TarMember member)
    {
        _member = member;
        _rest = member.Length;
        _hashes[member.Name] = Array.ConvertAll(_algorithms, OvaManifest.CreateHash);
    }
}
