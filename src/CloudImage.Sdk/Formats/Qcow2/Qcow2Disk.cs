using System;
using System.Buffers;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;
using static CloudImage.Sdk.Formats.Qcow2.Qcow2Constants;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>One qcow2 image of version 2 or 3, without its parents: its current state, or one of its snapshots.</summary>
/// <remarks>Thread-safe. The L1 table is in memory, L2 tables are read when they are needed.</remarks>
internal sealed class Qcow2Disk : MappedDisk
{
    private readonly VirtualDisk _container;
    private readonly bool _leaveOpen;
    private readonly Qcow2Header _header;
    private readonly ulong[] _l1;
    private readonly Qcow2L2Cache _tables;
    private readonly Qcow2Mapper _mapper;
    private readonly Qcow2Decompressor _decompressor;
    private readonly ClusterCache _clusters;
    private readonly VirtualDisk _data;
    private readonly Qcow2Cipher? _cipher;

    public Qcow2Disk(VirtualDisk container, Qcow2Header header, ulong[] l1, DiskInfo info, VirtualDisk data, Qcow2Cipher? cipher, DiskOpenOptions options)
    {
        _container = container;
        _leaveOpen = options.LeaveOpen;
        _header = header;
        _data = data;
        _l1 = l1;
        _cipher = cipher;
        Info = info;
        Length = info.VirtualSize;
        _tables = new Qcow2L2Cache(container, header, l1, Length, options.Limits);
        _mapper = new Qcow2Mapper(header, l1, container.Length);
        _decompressor = new Qcow2Decompressor(header.CompressionType == CompressionZstd);
        _clusters = new ClusterCache(header.ClusterSize);
        HasMissingParent = header.BackingFileName is not null && options.References is null && !options.IgnoreMissingParent;
    }

    public override DiskInfo Info { get; }

    public override long Length { get; }

    public override bool IsLocal => _container.IsLocal && _data.IsLocal;

    /// <summary>The header that the disk was opened by.</summary>
    internal Qcow2Header Header => _header;

    /// <summary>The L1 table, as far as the disk needs it.</summary>
    internal ReadOnlySpan<ulong> L1 => _l1;

    protected override bool HasMissingParent { get; }

    protected override ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken) =>
        LocateAsync(_tables, offset, offset + length, mode, cancellationToken);

    // A walk in order asks for no table twice: it reads them into memory of its own and leaves the cache to the readers.
    private protected override IEnumerable<DiskPlacement> EnumeratePlacements(long offset, long end)
    {
        Qcow2L2Cache tables = Qcow2L2Cache.ForOneWalk(_container, _header, _l1, Length);
        while (offset < end)
        {
            DiskPlacement placement = SyncBridge.Wait(LocateAsync(tables, offset, end, IoMode.Synchronous, CancellationToken.None));
            offset = placement.End;
            yield return placement;
        }
    }

    protected override ValueTask ReadEncodedAsync(DiskPlacement placement, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken) =>
        placement.IsCompressed
            ? ReadCompressedAsync(placement.Token, buffer, offset, mode, cancellationToken)
            : ReadEncryptedAsync((long)placement.Token + (offset - placement.Offset), buffer, offset, mode, cancellationToken);

    protected override void Dispose(bool disposing)
    {
        _decompressor.Dispose();
        _cipher?.Dispose();
        if (!ReferenceEquals(_data, _container))
        {
            _data.Dispose();
        }

        if (!_leaveOpen)
        {
            _container.Dispose();
        }

        base.Dispose(disposing);
    }

    private ValueTask<DiskPlacement> LocateAsync(Qcow2L2Cache tables, long offset, long end, IoMode mode, CancellationToken cancellationToken)
    {
        Qcow2Run run = new(offset, end);
        while (_mapper.NeedsTable(ref run, out _))
        {
            if (tables.Find(run.End) is not { } slice)
            {
                return LocateSlowAsync(tables, run, mode, cancellationToken);
            }

            if (!_mapper.Extend(ref run, slice))
            {
                break;
            }
        }

        return ValueTask.FromResult(PlacementOf(run));
    }

    private async ValueTask<DiskPlacement> LocateSlowAsync(Qcow2L2Cache tables, Qcow2Run run, IoMode mode, CancellationToken cancellationToken)
    {
        while (_mapper.NeedsTable(ref run, out _))
        {
            Qcow2L2Slice slice = tables.Find(run.End) ?? await tables.LoadAsync(run.End, mode, cancellationToken).ConfigureAwait(false);
            if (!_mapper.Extend(ref run, slice))
            {
                break;
            }
        }

        return PlacementOf(run);
    }

    private DiskPlacement PlacementOf(in Qcow2Run run)
    {
        long length = run.End - run.Offset;
        if (run.Kind != DiskExtentKind.Data)
        {
            return new DiskPlacement(run.Offset, length, run.Kind);
        }

        return run.IsCompressed ? new DiskPlacement(run.Offset, length, run.Kind, -1, null, run.Descriptor, true, 0)
            : _cipher is null ? new DiskPlacement(run.Offset, length, run.Kind, run.HostOffset, _data, 0, false, 0)
            : new DiskPlacement(run.Offset, length, run.Kind, -1, null, (ulong)run.HostOffset, false, 0);
    }

    private async ValueTask ReadCompressedAsync(ulong descriptor, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        long cluster = offset >> _header.ClusterBits;
        int within = (int)(offset & (_header.ClusterSize - 1));
        if (buffer.Length == _header.ClusterSize)
        {
            await InflateAsync(descriptor, buffer, mode, cancellationToken).ConfigureAwait(false);
            return;
        }

        byte[]? content = _clusters.Find(cluster);
        if (content is null)
        {
            content = GC.AllocateUninitializedArray<byte>(_header.ClusterSize);
            await InflateAsync(descriptor, content, mode, cancellationToken).ConfigureAwait(false);
            _clusters.Add(cluster, content);
        }

        content.AsSpan(within, buffer.Length).CopyTo(buffer.Span);
    }

    private async ValueTask InflateAsync(ulong descriptor, Memory<byte> cluster, IoMode mode, CancellationToken cancellationToken)
    {
        (long fileOffset, int length) = Qcow2CompressedDescriptor.Decode(descriptor, _header.ClusterBits);
        if (fileOffset >= _container.Length)
        {
            throw Qcow2Header.Error(fileOffset, $"compressed data, {length} bytes, lies beyond the end of the image at {_container.Length}.");
        }

        byte[] rented = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            // The last sector need not be there as a whole.
            int count = await _container.ReadAsync(rented.AsMemory(0, length), fileOffset, mode, cancellationToken).ConfigureAwait(false);
            if (_decompressor.TryDecompress(rented, count, cluster) is { } reason)
            {
                throw Qcow2Header.Error(fileOffset, $"a compressed cluster of at most {length} bytes does not inflate to {_header.ClusterSize}: {reason}.");
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    // Ciphers work on sectors of 512 bytes: the range is widened to whole ones.
    private async ValueTask ReadEncryptedAsync(long hostOffset, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        const int MaxPiece = 256 << 10;
        while (buffer.Length > 0)
        {
            int lead = (int)(offset & (Qcow2Cipher.SectorLength - 1));
            int count = Math.Min(buffer.Length, MaxPiece - lead);
            int padded = (lead + count + Qcow2Cipher.SectorLength - 1) & ~(Qcow2Cipher.SectorLength - 1);
            byte[] rented = ArrayPool<byte>.Shared.Rent(padded);
            try
            {
                int read = await _data.ReadAsync(rented.AsMemory(0, padded), hostOffset - lead, mode, cancellationToken).ConfigureAwait(false);
                rented.AsSpan(read, padded - read).Clear();
                _cipher!.Decrypt(rented.AsSpan(0, padded), offset - lead, hostOffset - lead);
                rented.AsSpan(lead, count).CopyTo(buffer.Span);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(rented, true);
            }

            buffer = buffer[count..];
            offset += count;
            hostOffset += count;
        }
    }
}
