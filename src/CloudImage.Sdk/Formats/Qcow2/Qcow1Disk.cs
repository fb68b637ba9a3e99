using System;
using System.Buffers;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>One image of version 1, without its parents. Thread-safe.</summary>
internal sealed class Qcow1Disk : MappedDisk
{
    private const int CachedTables = 64;

    private readonly VirtualDisk _container;
    private readonly bool _leaveOpen;
    private readonly Qcow1Header _header;
    private readonly ulong[] _l1;
    private readonly Qcow2Cipher? _cipher;
    private readonly Qcow2Decompressor _decompressor = new(false);
    private readonly ClusterCache _clusters;
    private readonly Qcow2L2Slice?[] _tables = new Qcow2L2Slice?[CachedTables];

    public Qcow1Disk(VirtualDisk container, Qcow1Header header, ulong[] l1, Qcow2Cipher? cipher, DiskOpenOptions options)
    {
        _container = container;
        _leaveOpen = options.LeaveOpen;
        _header = header;
        _l1 = l1;
        _clusters = new ClusterCache(header.ClusterSize);
        _cipher = cipher;
        HasMissingParent = header.BackingFileName is not null && options.References is null && !options.IgnoreMissingParent;
        Info = new DiskInfo
        {
            FormatName = Qcow1Header.FormatName,
            VirtualSize = header.VirtualSize,
            ContainerLength = container.Length,
            AllocationUnitSize = header.ClusterSize,
            IsEncrypted = header.CryptMethod != 0,
            References = header.BackingFileName is { } name ? [new DiskReference(DiskReferenceKind.Parent, name)] : [],
        };
    }

    public override DiskInfo Info { get; }

    public override long Length => _header.VirtualSize;

    public override bool IsLocal => _container.IsLocal;

    protected override bool HasMissingParent { get; }

    protected override async ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        int coverageBits = _header.ClusterBits + _header.L2Bits;
        Qcow2Run run = new(offset, offset + length);
        bool isOpen = true;
        while (isOpen && !run.IsFull)
        {
            long table = run.End >> coverageBits;
            if (_l1[table] == 0)
            {
                isOpen = run.TryAppend(DiskExtentKind.Unmapped, EndOf((table + 1) << coverageBits), -1);
                continue;
            }

            Qcow2L2Slice slice = await LoadAsync(table, mode, cancellationToken).ConfigureAwait(false);
            isOpen = Extend(ref run, slice);
        }

        return Place(run);
    }

    protected override async ValueTask ReadEncodedAsync(DiskPlacement placement, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        // Parts of an encrypted or compressed cluster are read through the cache of whole ones.
        long cluster = offset >> _header.ClusterBits;
        int within = (int)(offset & (_header.ClusterSize - 1));
        int count = Math.Min(buffer.Length, _header.ClusterSize - within);
        byte[]? content = _clusters.Find(cluster);
        if (content is null)
        {
            content = new byte[_header.ClusterSize];
            if (placement.IsCompressed)
            {
                await InflateAsync(placement.Token, content, mode, cancellationToken).ConfigureAwait(false);
            }
            else
            {
                await DecryptAsync(placement, cluster, content, mode, cancellationToken).ConfigureAwait(false);
            }

            _clusters.Add(cluster, content);
        }

        content.AsSpan(within, count).CopyTo(buffer.Span);
        if (count < buffer.Length)
        {
            await ReadEncodedAsync(placement, buffer[count..], offset + count, mode, cancellationToken).ConfigureAwait(false);
        }
    }

    protected override void Dispose(bool disposing)
    {
        _cipher?.Dispose();
        _decompressor.Dispose();
        if (!_leaveOpen)
        {
            _container.Dispose();
        }

        base.Dispose(disposing);
    }

    private static long EndOf(long end) => end < 0 ? long.MaxValue : end;

    private bool Extend(ref Qcow2Run run, Qcow2L2Slice table)
    {
        int index = (int)(run.End >> _header.ClusterBits) & (table.Count - 1);
        for (; index < table.Count && !run.IsFull; index++)
        {
            ulong entry = table.Words[index];
            long end = EndOf(((run.End >> _header.ClusterBits) + 1) << _header.ClusterBits);
            if ((entry & Qcow2Constants.CopiedFlag) != 0)
            {
                return run.TryTakeCompressed(entry, end) && false;
            }

            if (entry != 0 && entry >= (ulong)_container.Length)
            {
                throw Qcow1Header.Error(table.FileOffset + (index * 8L), $"the L2 entry 0x{entry:x16} points beyond the end of the image at {_container.Length}.");
            }

            long within = run.End & (_header.ClusterSize - 1);
            if (!(entry == 0 ? run.TryAppend(DiskExtentKind.Unmapped, end, -1) : run.TryAppend(DiskExtentKind.Data, end, (long)entry + within)))
            {
                return false;
            }

            // An encrypted run ends with its cluster: what is cached is one cluster.
            if (entry != 0 && _cipher is not null)
            {
                return false;
            }
        }

        return true;
    }

    private DiskPlacement Place(in Qcow2Run run)
    {
        long length = run.End - run.Offset;
        return run.Kind != DiskExtentKind.Data ? new DiskPlacement(run.Offset, length, run.Kind)
            : run.IsCompressed ? new DiskPlacement(run.Offset, length, run.Kind, -1, null, run.Descriptor, true, 0)
            : _cipher is not null ? new DiskPlacement(run.Offset, length, run.Kind, -1, null, (ulong)run.HostOffset, false, 0)
            : new DiskPlacement(run.Offset, length, run.Kind, run.HostOffset, _container, 0, false, 0);
    }

    private async ValueTask<Qcow2L2Slice> LoadAsync(long index, IoMode mode, CancellationToken cancellationToken)
    {
        ref Qcow2L2Slice? slot = ref _tables[index % CachedTables];
        if (Volatile.Read(ref slot) is { } cached && cached.Index == index)
        {
            return cached;
        }

        ulong fileOffset = _l1[index];
        if (fileOffset >= (ulong)_container.Length)
        {
            throw Qcow1Header.Error(_header.L1Offset + (index * 8), $"the L1 entry {index} points to 0x{fileOffset:x}, beyond the end of the image at {_container.Length}.");
        }

        ulong[] words = new ulong[1 << _header.L2Bits];
        await Qcow2Tables.ReadIntoAsync(_container, (long)fileOffset, words, 0, words.Length, mode, cancellationToken).ConfigureAwait(false);
        Qcow2L2Slice table = new(index, (long)fileOffset, words, 0, words.Length);
        Volatile.Write(ref _tables[index % CachedTables], table);
        return table;
    }

    private async ValueTask InflateAsync(ulong entry, byte[] cluster, IoMode mode, CancellationToken cancellationToken)
    {
        int offsetBits = 63 - _header.ClusterBits;
        long fileOffset = (long)(entry & ((1UL << offsetBits) - 1));
        int length = (int)((entry & ~Qcow2Constants.CopiedFlag) >> offsetBits) & (_header.ClusterSize - 1);
        byte[] rented = ArrayPool<byte>.Shared.Rent(Math.Max(length, 1));
        try
        {
            int count = fileOffset < _container.Length
                ? await _container.ReadAsync(rented.AsMemory(0, length), fileOffset, mode, cancellationToken).ConfigureAwait(false)
                : 0;
            if (_decompressor.TryDecompress(rented, count, cluster) is { } reason)
            {
                throw Qcow1Header.Error(fileOffset, $"a compressed cluster of {length} bytes does not inflate to {_header.ClusterSize}: {reason}.");
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private async ValueTask DecryptAsync(DiskPlacement placement, long cluster, byte[] content, IoMode mode, CancellationToken cancellationToken)
    {
        long offset = cluster << _header.ClusterBits;
        long fileOffset = (long)placement.Token - (placement.Offset - offset);
        int count = await _container.ReadAsync(content, fileOffset, mode, cancellationToken).ConfigureAwait(false);
        content.AsSpan(count).Clear();
        _cipher!.Decrypt(content, offset, fileOffset);
    }
}
