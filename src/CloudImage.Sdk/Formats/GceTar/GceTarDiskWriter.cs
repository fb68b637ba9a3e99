using System;
using System.Buffers;
using System.IO.Compression;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats.Archives;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.GceTar;

/// <summary>Writes a GCE image archive, in order, to any sink.</summary>
/// <remarks>
/// The sparse map precedes the data, so the plan decides what is stored: every block that holds a planned byte. Without
/// a plan the whole disk is stored. Each block becomes a gzip member of its own, which threads encode apart.
/// </remarks>
internal sealed class GceTarDiskWriter : DiskWriter
{
    private readonly ImageSink _sink;
    private readonly ZLibCompressionOptions _compression;
    private readonly long _archivedLength;
    private readonly byte[] _block = new byte[GceTarConstants.BlockSize];
    private BlockMap? _stored;
    private byte[]? _zeroMember;
    private long _sinkPosition;
    private long _position;
    private int _blockFill;
    private bool _hasHeader;

    public GceTarDiskWriter(ImageSink sink, long length, GceTarOptions options)
    {
        _sink = sink;
        _archivedLength = GceTarConstants.ArchivedLength(length, options.LengthUnit);
        _compression = new ZLibCompressionOptions { CompressionLevel = options.CompressionLevel };
    }

    public override long Length => _archivedLength;

    public override int PreferredBlockSize => GceTarConstants.BlockSize;

    public override bool RequiresSequentialWrites => true;

    public override bool RequiresPlan => true;

    public override bool EncodesBlocks => true;

    protected override void PlanCore(BlockMap map)
    {
        if (_hasHeader)
        {
            throw new InvalidOperationException("The plan of an archive comes before its first byte.");
        }

        _stored = GceTarHeaderWriter.AlignToBlocks(map);
    }

    protected override async ValueTask WriteCoreAsync(ReadOnlyMemory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        await SkipToAsync(offset, mode, cancellationToken).ConfigureAwait(false);
        while (!buffer.IsEmpty)
        {
            int count = Math.Min(buffer.Length, _block.Length - _blockFill);
            buffer.Span[..count].CopyTo(_block.AsSpan(_blockFill));
            buffer = buffer[count..];
            _blockFill += count;
            _position += count;
            if (_blockFill == _block.Length)
            {
                await FlushBlockAsync(mode, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    // Zeros lie where nothing was written, and the writer fills those in when it passes them.
    protected override ValueTask WriteZeroesCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken) =>
        SkipToAsync(offset + length, mode, cancellationToken);

    protected override EncodedBlock EncodeBlockCore(ReadOnlySpan<byte> block, long offset)
    {
        if (block.Length == GceTarConstants.BlockSize)
        {
            return Encode(block, offset, block.Length);
        }

        byte[] rented = ArrayPool<byte>.Shared.Rent(GceTarConstants.BlockSize);
        try
        {
            Span<byte> whole = rented.AsSpan(0, GceTarConstants.BlockSize);
            block.CopyTo(whole);
            whole[block.Length..].Clear();
            return Encode(whole, offset, block.Length);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    protected override async ValueTask WriteEncodedCoreAsync(EncodedBlock block, IoMode mode, CancellationToken cancellationToken)
    {
        if (block.Offset % GceTarConstants.BlockSize != 0)
        {
            throw new InvalidOperationException($"An encoded block at {block.Offset} is not aligned to {GceTarConstants.BlockSize}.");
        }

        await SkipToAsync(block.Offset, mode, cancellationToken).ConfigureAwait(false);
        ThrowIfUnplanned(block.Offset);
        await AppendAsync(block.Content, mode, cancellationToken).ConfigureAwait(false);
        _position = block.Offset + GceTarConstants.BlockSize;
    }

    protected override async ValueTask CompleteCoreAsync(IoMode mode, CancellationToken cancellationToken)
    {
        await SkipToAsync(_archivedLength, mode, cancellationToken).ConfigureAwait(false);
        long plain = GceTarHeaderWriter.PlainLength(_stored, _archivedLength);
        byte[] end = new byte[GceTarHeaderWriter.EndLength(plain)];
        await AppendMemberAsync(end, mode, cancellationToken).ConfigureAwait(false);
        await _sink.CompleteAsync(mode, cancellationToken).ConfigureAwait(false);
    }

    protected override void Dispose(bool disposing)
    {
        _sink.Dispose();
        base.Dispose(disposing);
    }

    private EncodedBlock Encode(ReadOnlySpan<byte> whole, long offset, int plainLength)
    {
        (byte[] rented, int length) = GzipMember.Encode(whole, _compression);
        return new EncodedBlock(offset, plainLength, rented, length, 0);
    }

    /// <summary>Moves on to a position of the disk; stored blocks on the way hold zeros.</summary>
    private async ValueTask SkipToAsync(long offset, IoMode mode, CancellationToken cancellationToken)
    {
        if (offset < _position)
        {
            throw new InvalidOperationException($"An archive is written in order: a write at {offset} comes after one that ended at {_position}.");
        }

        await WriteHeaderAsync(mode, cancellationToken).ConfigureAwait(false);
        if (_blockFill > 0)
        {
            int count = (int)Math.Min(offset - _position, _block.Length - _blockFill);
            _block.AsSpan(_blockFill, count).Clear();
            _blockFill += count;
            _position += count;
            if (_blockFill < _block.Length)
            {
                return;
            }

            await FlushBlockAsync(mode, cancellationToken).ConfigureAwait(false);
        }

        long blockStart = offset / _block.Length * _block.Length;
        await WriteZeroBlocksAsync(blockStart, mode, cancellationToken).ConfigureAwait(false);
        _blockFill = (int)(offset - blockStart);
        _block.AsSpan(0, _blockFill).Clear();
        _position = offset;
    }

    private async ValueTask WriteZeroBlocksAsync(long end, IoMode mode, CancellationToken cancellationToken)
    {
        if (_stored is null)
        {
            for (; _position < end; _position += _block.Length)
            {
                await AppendZeroBlockAsync(mode, cancellationToken).ConfigureAwait(false);
            }

            return;
        }

        foreach (DiskExtent extent in _stored.Slice(_position, end - _position))
        {
            for (long done = 0; done < extent.Length; done += _block.Length)
            {
                await AppendZeroBlockAsync(mode, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async ValueTask FlushBlockAsync(IoMode mode, CancellationToken cancellationToken)
    {
        long start = _position - _block.Length;
        _blockFill = 0;
        if (_stored is not null && !_stored.Overlaps(start, 1))
        {
            // A hole that was written with zeros is a hole still.
            if (_block.AsSpan().ContainsAnyExcept((byte)0))
            {
                ThrowIfUnplanned(start);
            }

            return;
        }

        await AppendMemberAsync(_block, mode, cancellationToken).ConfigureAwait(false);
    }

    private void ThrowIfUnplanned(long offset)
    {
        if (_stored is not null && !_stored.Overlaps(offset, 1))
        {
            throw new InvalidOperationException($"The block at {offset} was not planned to hold data: its place in the sparse map is a hole.");
        }
    }

    private ValueTask AppendZeroBlockAsync(IoMode mode, CancellationToken cancellationToken)
    {
        if (_zeroMember is null)
        {
            (byte[] rented, int length) = GzipMember.Encode(new byte[_block.Length], _compression);
            _zeroMember = rented.AsSpan(0, length).ToArray();
            ArrayPool<byte>.Shared.Return(rented);
        }

        return AppendAsync(_zeroMember, mode, cancellationToken);
    }

    private async ValueTask WriteHeaderAsync(IoMode mode, CancellationToken cancellationToken)
    {
        if (_hasHeader)
        {
            return;
        }

        _hasHeader = true;
        byte[] header = GceTarHeaderWriter.Make(_stored, _archivedLength);
        for (int done = 0; done < header.Length; done += _block.Length)
        {
            await AppendMemberAsync(header.AsMemory(done, Math.Min(_block.Length, header.Length - done)), mode, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask AppendMemberAsync(ReadOnlyMemory<byte> plain, IoMode mode, CancellationToken cancellationToken)
    {
        (byte[] rented, int length) = GzipMember.Encode(plain.Span, _compression);
        try
        {
            await AppendAsync(rented.AsMemory(0, length), mode, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private async ValueTask AppendAsync(ReadOnlyMemory<byte> encoded, IoMode mode, CancellationToken cancellationToken)
    {
        await _sink.WriteAsync(encoded, _sinkPosition, mode, cancellationToken).ConfigureAwait(false);
        _sinkPosition += encoded.Length;
    }
}
