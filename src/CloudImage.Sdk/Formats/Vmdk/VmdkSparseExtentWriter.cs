using System;
using System.Buffers;
using System.Buffers.Binary;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>Writes a hosted sparse extent: grains as they come, tables once at the end, header last.</summary>
internal sealed class VmdkSparseExtentWriter : VmdkExtentWriter
{
    private const int GrainSize = VmdkConstants.GrainSize;
    private const int GrainSectors = GrainSize / VmdkConstants.SectorSize;
    private const int SegmentGrains = 64;
    private static readonly byte[] s_zeroes = new byte[GrainSize];
    private readonly ImageSink _sink;
    private readonly VmdkSparseLayout _layout;
    private readonly VmdkGrainMap _map;
    private readonly byte[]? _descriptor;
    private readonly bool _hasParent;
    private readonly bool _usesZeroedGrains;
    private readonly long _length;
    private readonly Lock _lock = new();
    private long _nextSector;

    /// <summary>Begins an extent.</summary>
    /// <param name="sink">The file, which this owns.</param>
    /// <param name="length">Length of the extent in bytes, whole sectors.</param>
    /// <param name="descriptor">The descriptor to embed; null where it has a file of its own.</param>
    /// <param name="hasParent">Whether what is not written belongs to a parent.</param>
    /// <param name="usesZeroedGrains">Whether zeros over a parent are said by a table entry.</param>
    public VmdkSparseExtentWriter(ImageSink sink, long length, byte[]? descriptor, bool hasParent, bool usesZeroedGrains)
    {
        _sink = sink;
        _length = length;
        _layout = new VmdkSparseLayout(length);
        _map = new VmdkGrainMap(_layout.TableCount);
        _descriptor = descriptor;
        _hasParent = hasParent;
        _usesZeroedGrains = usesZeroedGrains;
        _nextSector = _layout.Overhead;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        uint[] sectors = ArrayPool<uint>.Shared.Rent(SegmentGrains);
        try
        {
            while (buffer.Length > 0)
            {
                long segmentEnd = (offset / GrainSize + SegmentGrains) * GrainSize;
                int count = (int)Math.Min(buffer.Length, segmentEnd - offset);
                Assign(buffer.Span[..count], offset, sectors);
                await WriteRunsAsync(buffer[..count], offset, sectors, mode, cancellationToken).ConfigureAwait(false);
                buffer = buffer[count..];
                offset += count;
            }
        }
        finally
        {
            ArrayPool<uint>.Shared.Return(sectors);
        }
    }

    public override async ValueTask WriteZeroesAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        long end = offset + length;
        while (offset < end)
        {
            long grain = offset / GrainSize;
            if (!_hasParent && _map.Find(grain / VmdkConstants.TableEntries) is null)
            {
                offset = (grain / VmdkConstants.TableEntries + 1) * VmdkConstants.TableEntries * GrainSize;
                continue;
            }

            int count = (int)Math.Min(end - offset, GrainSize - (offset % GrainSize));
            await WriteAsync(s_zeroes.AsMemory(0, count), offset, mode, cancellationToken).ConfigureAwait(false);
            offset += count;
        }
    }

    // Order: grains, tables, directories, descriptor; a barrier; the header, without which the file is no image.
    public override async ValueTask CompleteAsync(IoMode mode, CancellationToken cancellationToken)
    {
        _sink.SetLength(_nextSector * VmdkConstants.SectorSize);
        await WriteTablesAsync(mode, cancellationToken).ConfigureAwait(false);
        await WriteDirectoryAsync(_layout.RedundantDirectory, _layout.RedundantTables, mode, cancellationToken).ConfigureAwait(false);
        await WriteDirectoryAsync(_layout.Directory, _layout.Tables, mode, cancellationToken).ConfigureAwait(false);
        if (_descriptor is not null)
        {
            await _sink.WriteAsync(_descriptor, VmdkConstants.SectorSize, mode, cancellationToken).ConfigureAwait(false);
        }

        await _sink.FlushAsync(mode, cancellationToken).ConfigureAwait(false);
        await _sink.WriteAsync(Header(), 0, mode, cancellationToken).ConfigureAwait(false);
        await _sink.CompleteAsync(mode, cancellationToken).ConfigureAwait(false);
    }

    public override void Dispose() => _sink.Dispose();

    private byte[] Header()
    {
        byte[] bytes = new byte[VmdkHeader.Size];
        new VmdkHeader
        {
            Version = _usesZeroedGrains ? 2u : 1u,
            Flags = VmdkHeaderFlags.NewLineTest | VmdkHeaderFlags.RedundantDirectory | (_usesZeroedGrains ? VmdkHeaderFlags.ZeroedGrains : 0),
            Capacity = (ulong)_layout.Sectors,
            GrainSectors = GrainSectors,
            DescriptorSector = _descriptor is null ? 0u : 1u,
            DescriptorSectors = _descriptor is null ? 0u : VmdkConstants.DescriptorSectors,
            TableEntries = VmdkConstants.TableEntries,
            RedundantDirectorySector = (ulong)_layout.RedundantDirectory,
            DirectorySector = (ulong)_layout.Directory,
            OverheadSectors = (ulong)_layout.Overhead,
        }.WriteTo(bytes);
        return bytes;
    }

    /// <summary>Finds or gives a place to every grain of a segment: 0 for a grain of zeros that needs none, 1 for one that the table says.</summary>
    private void Assign(ReadOnlySpan<byte> bytes, long offset, Span<uint> sectors)
    {
        ulong zero = FindZeroGrains(bytes, offset);
        long grain = offset / GrainSize;
        int count = (int)((offset + bytes.Length - 1) / GrainSize - grain) + 1;
        lock (_lock)
        {
            for (int i = 0; i < count; i++)
            {
                uint sector = _map.Get(grain + i);
                bool isZero = (zero >> i & 1) != 0;
                if (sector <= VmdkConstants.ZeroedGrain && (!isZero || (_hasParent && sector == 0)))
                {
                    ThrowIfPartialOverParent(bytes.Length, offset, grain + i);
                    sector = isZero && _usesZeroedGrains ? VmdkConstants.ZeroedGrain : Allocate();
                    _map.Set(grain + i, sector);
                }

                sectors[i] = sector;
            }
        }
    }

    private uint Allocate()
    {
        if (_nextSector > uint.MaxValue - GrainSectors)
        {
            throw new CloudImageException("The sparse VMDK would pass 2 TiB, which its 32-bit sector numbers cannot reach. Write twoGbMaxExtentSparse instead.");
        }

        uint sector = (uint)_nextSector;
        _nextSector += GrainSectors;
        return sector;
    }

    private void ThrowIfPartialOverParent(int count, long offset, long grain)
    {
        if (_hasParent && (offset > grain * GrainSize || offset + count < Math.Min(_length, (grain + 1) * GrainSize)))
        {
            throw new InvalidOperationException($"A write covers a part of the grain at {grain * GrainSize}; over a parent only whole grains of {GrainSize} bytes are taken, because the rest would hide the parent's content.");
        }
    }

    private static ulong FindZeroGrains(ReadOnlySpan<byte> bytes, long offset)
    {
        ulong zero = 0;
        int at = 0;
        for (int i = 0; at < bytes.Length; i++)
        {
            int count = (int)Math.Min(bytes.Length - at, GrainSize - ((offset + at) % GrainSize));
            zero |= bytes.Slice(at, count).ContainsAnyExcept((byte)0) ? 0 : 1UL << i;
            at += count;
        }

        return zero;
    }

    private async ValueTask WriteRunsAsync(ReadOnlyMemory<byte> buffer, long offset, uint[] sectors, IoMode mode, CancellationToken cancellationToken)
    {
        long firstGrain = offset / GrainSize;
        for (int at = 0; at < buffer.Length;)
        {
            long position = offset + at;
            int index = (int)(position / GrainSize - firstGrain);
            int end = (int)Math.Min(buffer.Length, at + GrainSize - (position % GrainSize));
            if (sectors[index] > VmdkConstants.ZeroedGrain)
            {
                for (int next = index + 1; end < buffer.Length && sectors[next] == sectors[next - 1] + GrainSectors; next++)
                {
                    end = Math.Min(buffer.Length, end + GrainSize);
                }

                long fileOffset = (sectors[index] * (long)VmdkConstants.SectorSize) + (position % GrainSize);
                await _sink.WriteAsync(buffer[at..end], fileOffset, mode, cancellationToken).ConfigureAwait(false);
            }

            at = end;
        }
    }

    private async ValueTask WriteTablesAsync(IoMode mode, CancellationToken cancellationToken)
    {
        const int TableSize = VmdkConstants.TableEntries * sizeof(uint);
        const int MaxTables = 64;
        byte[] bytes = new byte[MaxTables * TableSize];
        for (long table = _map.NextPresent(0); table < _map.TableCount; table = _map.NextPresent(table))
        {
            int count = 0;
            while (count < MaxTables && table + count < _map.TableCount && _map.Find(table + count) is { } entries)
            {
                Encode(entries, bytes.AsSpan(count * TableSize));
                count++;
            }

            ReadOnlyMemory<byte> run = bytes.AsMemory(0, count * TableSize);
            long skip = table * VmdkSparseLayout.TableSectors;
            await _sink.WriteAsync(run, (_layout.Tables + skip) * VmdkConstants.SectorSize, mode, cancellationToken).ConfigureAwait(false);
            await _sink.WriteAsync(run, (_layout.RedundantTables + skip) * VmdkConstants.SectorSize, mode, cancellationToken).ConfigureAwait(false);
            table += count;
        }
    }

    private async ValueTask WriteDirectoryAsync(long directorySector, long tablesSector, IoMode mode, CancellationToken cancellationToken)
    {
        uint[] entries = new uint[Math.Min(16384, _layout.TableCount)];
        byte[] bytes = new byte[entries.Length * sizeof(uint)];
        for (long done = 0; done < _layout.TableCount;)
        {
            int count = (int)Math.Min(entries.Length, _layout.TableCount - done);
            for (int i = 0; i < count; i++)
            {
                entries[i] = (uint)(tablesSector + ((done + i) * VmdkSparseLayout.TableSectors));
            }

            Encode(entries.AsSpan(0, count), bytes);
            await _sink.WriteAsync(bytes.AsMemory(0, count * sizeof(uint)), (directorySector * VmdkConstants.SectorSize) + (done * sizeof(uint)), mode, cancellationToken).ConfigureAwait(false);
            done += count;
        }
    }

    private static void Encode(ReadOnlySpan<uint> entries, Span<byte> bytes)
    {
        for (int i = 0; i < entries.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes[(i * sizeof(uint))..], entries[i]);
        }
    }
}
