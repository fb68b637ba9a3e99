using System;
using System.Buffers;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Archives;

/// <summary>Reads a tar archive forward: ustar, GNU (long names, sparse members) and pax (long names, sizes, sparse members).</summary>
/// <remarks>
/// One user at a time. Nothing is extracted and no name is interpreted: members are handed out as they are described.
/// Where the stream can be positioned, content that nobody reads is skipped.
/// </remarks>
internal sealed class TarReader
{
    private const int MaxPadding = 16 << 20;

    private readonly Stream _stream;
    private readonly string _formatName;
    private readonly DiskReadLimits _limits;
    private readonly byte[] _block = new byte[TarConstants.BlockSize];
    private long _remaining;
    private long _padding;
    private int _headers;

    public TarReader(Stream stream, string formatName, DiskReadLimits limits)
    {
        _stream = stream;
        _formatName = formatName;
        _limits = limits;
    }

    /// <summary>Position in the archive of the next byte.</summary>
    public long Position { get; private set; }

    /// <summary>Whether the end of the archive was marked, not just reached.</summary>
    public bool HasEndMark { get; private set; }

    /// <summary>Goes to the next member, behind what is left of the current one.</summary>
    /// <returns>The member; null at the end of the archive.</returns>
    public async ValueTask<TarMember?> ReadNextAsync(IoMode mode, CancellationToken cancellationToken)
    {
        await SkipAsync(_remaining + _padding, mode, cancellationToken).ConfigureAwait(false);
        TarHeaderState state = new(Position);
        while (true)
        {
            if (!await ReadHeaderAsync(mode, cancellationToken).ConfigureAwait(false))
            {
                return state.IsEmpty ? null : throw Fault(Position, "The archive ends between an extended header and the member that it describes.");
            }

            TarHeader header = ParseHeader();
            switch (header.Type)
            {
                case TarConstants.TypePax:
                    state.Pax = TarPax.Parse((await ReadTextAsync(header, mode, cancellationToken).ConfigureAwait(false)).Span)
                        ?? throw Fault(Position, "The records of a pax header are not valid.");
                    break;
                case TarConstants.TypePaxGlobal:
                case TarConstants.TypeLongLink:
                    await ReadTextAsync(header, mode, cancellationToken).ConfigureAwait(false);
                    break;
                case TarConstants.TypeLongName:
                    state.LongName = TarHeader.Text((await ReadTextAsync(header, mode, cancellationToken).ConfigureAwait(false)).Span);
                    break;
                default:
                    return await ReadMemberAsync(header, state, mode, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Reads stored bytes of the current member.</summary>
    /// <returns>The number of bytes read: the buffer's length unless the member ends first.</returns>
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, IoMode mode, CancellationToken cancellationToken)
    {
        int count = (int)Math.Min(buffer.Length, _remaining);
        await ReadExactlyAsync(buffer[..count], mode, cancellationToken).ConfigureAwait(false);
        _remaining -= count;
        return count;
    }

    /// <summary>Reads what is left behind the end mark, so that compressed data reach their checksum.</summary>
    public async ValueTask DrainAsync(IoMode mode, CancellationToken cancellationToken)
    {
        byte[] rented = ArrayPool<byte>.Shared.Rent(65536);
        try
        {
            // Tar pads to records; more than a few megabytes behind the mark is no padding.
            long end = Position + MaxPadding;
            while (await ReadRawAsync(rented, mode, cancellationToken).ConfigureAwait(false) > 0)
            {
                if (Position > end)
                {
                    throw Fault(Position, $"More than {MaxPadding} bytes follow the end of the archive.");
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private async ValueTask<bool> ReadHeaderAsync(IoMode mode, CancellationToken cancellationToken)
    {
        int count = await ReadRawAsync(_block, mode, cancellationToken).ConfigureAwait(false);
        if (count == 0)
        {
            return false;
        }

        if (count < _block.Length)
        {
            throw Fault(Position - count, $"The archive ends {count} bytes into a header.");
        }

        if (!_block.AsSpan().ContainsAnyExcept((byte)0))
        {
            HasEndMark = true;
            return false;
        }

        _headers++;
        return _headers <= _limits.MaxListEntries ? true
            : throw Fault(Position - count, $"The archive has more than {_limits.MaxListEntries} headers (DiskReadLimits.MaxListEntries).");
    }

    private TarHeader ParseHeader()
    {
        long headerOffset = Position - TarConstants.BlockSize;
        return TarHeader.TryParse(_block, out TarHeader header, out string? fault) ? header : throw Fault(headerOffset, fault!);
    }

    private async ValueTask<ReadOnlyMemory<byte>> ReadTextAsync(TarHeader header, IoMode mode, CancellationToken cancellationToken)
    {
        if (header.Size > _limits.MaxTextLength)
        {
            throw Fault(Position, $"An extended header has {header.Size} bytes, more than {_limits.MaxTextLength} (DiskReadLimits.MaxTextLength).");
        }

        byte[] text = new byte[(int)header.Size];
        await ReadExactlyAsync(text, mode, cancellationToken).ConfigureAwait(false);
        await SkipAsync(PaddingOf(header.Size), mode, cancellationToken).ConfigureAwait(false);
        return text;
    }

    private async ValueTask<TarMember> ReadMemberAsync(TarHeader header, TarHeaderState state, IoMode mode, CancellationToken cancellationToken)
    {
        long stored = state.Pax?.Size ?? header.Size;
        if (header.Type is not (TarConstants.TypeFile or TarConstants.TypeOldFile or TarConstants.TypeContiguous or TarConstants.TypeSparse))
        {
            stored = 0;
        }

        string name = Normalize(state.Pax?.SparseName ?? state.Pax?.Path ?? state.LongName ?? header.Name);
        TarSparseReader sparse = new(this, _limits);
        bool isOldGnu = header.Type == TarConstants.TypeSparse;
        long mapOffset = Position;
        (TarSparseMap? map, long length) = isOldGnu
            ? await sparse.ReadOldGnuAsync(_block, mode, cancellationToken).ConfigureAwait(false)
            : await sparse.ReadPaxAsync(state.Pax, stored, mode, cancellationToken).ConfigureAwait(false);
        // The map of an old GNU member stands before its data, that of a pax 1.0 member is the beginning of its data.
        long data = isOldGnu ? stored : stored - (Position - mapOffset);
        if (data < 0 || (map is not null && map.StoredLength != data))
        {
            throw Fault(mapOffset, $"The sparse map of '{name}' describes {map?.StoredLength} stored bytes; the member has {data}.");
        }

        if (data > long.MaxValue - Position - TarConstants.BlockSize)
        {
            throw Fault(state.HeaderOffset, $"The size {data} of '{name}' is impossible.");
        }

        _remaining = data;
        _padding = PaddingOf(stored);
        return new TarMember
        {
            Name = name,
            Type = header.Type,
            HeaderOffset = state.HeaderOffset,
            DataOffset = Position,
            StoredLength = data,
            Length = length,
            SparseMap = map,
        };
    }

    internal async ValueTask ReadExactlyAsync(Memory<byte> buffer, IoMode mode, CancellationToken cancellationToken)
    {
        int count = await ReadRawAsync(buffer, mode, cancellationToken).ConfigureAwait(false);
        if (count < buffer.Length)
        {
            throw Fault(Position, $"The archive ends here; {buffer.Length - count} more bytes were expected.");
        }
    }

    internal DiskFormatException Fault(long offset, string message) => new(_formatName, offset, message);

    private async ValueTask<int> ReadRawAsync(Memory<byte> buffer, IoMode mode, CancellationToken cancellationToken)
    {
        try
        {
            int count = await _stream.ReadFullyAsync(buffer, mode, cancellationToken).ConfigureAwait(false);
            Position += count;
            return count;
        }
        catch (InvalidDataException exception)
        {
            throw new DiskFormatException(_formatName, Position, "The compressed data of the archive are damaged (the position is that in the plain archive).", exception);
        }
    }

    private async ValueTask SkipAsync(long count, IoMode mode, CancellationToken cancellationToken)
    {
        _remaining = 0;
        _padding = 0;
        if (_stream.CanSeek)
        {
            if (count > _stream.Length - _stream.Position)
            {
                throw Fault(Position, $"The archive ends within a member: {count} more bytes were expected, {_stream.Length - _stream.Position} are there.");
            }

            _stream.Position += count;
            Position += count;
            return;
        }

        byte[] rented = ArrayPool<byte>.Shared.Rent(65536);
        try
        {
            while (count > 0)
            {
                int part = (int)Math.Min(rented.Length, count);
                await ReadExactlyAsync(rented.AsMemory(0, part), mode, cancellationToken).ConfigureAwait(false);
                count -= part;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private static long PaddingOf(long size) => -size & (TarConstants.BlockSize - 1);

    private static string Normalize(string name)
    {
        while (name.StartsWith("./", StringComparison.Ordinal))
        {
            name = name[2..];
        }

        return name;
    }
}
