using System;
using System.Buffers;
using System.Collections.Generic;
using System.IO;
using System.IO.Compression;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Archives;

/// <summary>Reads the plain content of a gzip file at any position.</summary>
/// <remarks>
/// <para>A file whose members say how long they are (see <see cref="GzipMember"/>) is decoded by members: any position costs one
/// member, several are decoded at once. Of any other file deflate allows no start but the first: it is decoded forward,
/// a read behind the current place decodes what lies between, and a read before it that the cache does not hold begins
/// anew. Reading in order, from one thread or a few neighbouring ones, decodes once.</para>
/// <para>Thread-safe. The container is not owned.</para>
/// </remarks>
internal sealed class GzipReader : IDisposable
{
    private const int ForwardBlockSize = 256 << 10;
    private const int ForwardCacheSize = 48 << 20;
    private const int MemberCacheSize = 16 << 20;

    private readonly VirtualDisk _container;
    private readonly string _formatName;
    private readonly long _maxMembers;
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly PlainBlockCache _cache;
    private readonly List<Member> _members = [];
    private Stream? _forward;
    private long _forwardPosition;

    private GzipReader(VirtualDisk container, string formatName, long maxMembers, bool hasSizedMembers)
    {
        _container = container;
        _formatName = formatName;
        _maxMembers = maxMembers;
        HasSizedMembers = hasSizedMembers;
        _cache = new PlainBlockCache(hasSizedMembers ? MemberCacheSize : ForwardCacheSize);
    }

    /// <summary>Whether the file is decoded by members.</summary>
    public bool HasSizedMembers { get; }

    /// <summary>How many times decoding began at the start of the file; for tests and diagnosis.</summary>
    public int Restarts { get; private set; }

    public static async ValueTask<GzipReader> OpenAsync(VirtualDisk container, string formatName, DiskReadLimits limits, IoMode mode, CancellationToken cancellationToken)
    {
        byte[] header = new byte[GzipConstants.SizedHeaderLength];
        int count = await container.ReadAsync(header, 0, mode, cancellationToken).ConfigureAwait(false);
        bool hasSizedMembers = GzipMember.TryReadSizes(header.AsSpan(0, count), out _, out _);
        return new GzipReader(container, formatName, limits.MaxMetadataMemory / 32, hasSizedMembers);
    }

    /// <summary>Reads plain content.</summary>
    /// <returns>The number of bytes read; less than the buffer's length only at the end of the content.</returns>
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, long plainOffset, IoMode mode, CancellationToken cancellationToken)
    {
        int done = 0;
        while (done < buffer.Length)
        {
            long offset = plainOffset + done;
            (byte[] content, long start) = HasSizedMembers
                ? await FetchMemberAsync(offset, mode, cancellationToken).ConfigureAwait(false)
                : await FetchForwardAsync(offset, mode, cancellationToken).ConfigureAwait(false);
            int count = (int)Math.Min(content.Length - (offset - start), buffer.Length - done);
            if (count <= 0)
            {
                break;
            }

            content.AsSpan((int)(offset - start), count).CopyTo(buffer.Span[done..]);
            done += count;
        }

        return done;
    }

    /// <summary>The plain content as a stream of its own, decoded forward and apart from every other reader.</summary>
    public Stream OpenForward() => OpenForward(_container);

    /// <summary>The plain content of a gzip file as a stream; damage is reported as <see cref="InvalidDataException"/>.</summary>
    public static Stream OpenForward(VirtualDisk container) =>
        new GZipStream(new BufferedStream(container.AsStream(), 256 << 10), CompressionMode.Decompress);

    public void Dispose()
    {
        _forward?.Dispose();
        _gate.Dispose();
    }

    private static ValueTask EnterAsync(SemaphoreSlim gate, IoMode mode, CancellationToken cancellationToken)
    {
        if (mode == IoMode.Asynchronous)
        {
            return new ValueTask(gate.WaitAsync(cancellationToken));
        }

        gate.Wait(cancellationToken);
        return ValueTask.CompletedTask;
    }

    private async ValueTask<(byte[] Content, long Start)> FetchForwardAsync(long offset, IoMode mode, CancellationToken cancellationToken)
    {
        long start = offset / ForwardBlockSize * ForwardBlockSize;
        if (_cache.Find(start) is { } cached)
        {
            return (cached, start);
        }

        await EnterAsync(_gate, mode, cancellationToken).ConfigureAwait(false);
        try
        {
            return _cache.Find(start) is { } other ? (other, start) : (await DecodeToAsync(start, mode, cancellationToken).ConfigureAwait(false), start);
        }
        finally
        {
            _gate.Release();
        }
    }

    // Called by one thread at a time. Blocks on the way are kept as well: the neighbours of a parallel reader want them.
    private async ValueTask<byte[]> DecodeToAsync(long start, IoMode mode, CancellationToken cancellationToken)
    {
        if (_forward is null || _forwardPosition > start)
        {
            _forward?.Dispose();
            _forward = OpenForward(_container);
            _forwardPosition = 0;
            Restarts++;
        }

        Stream forward = _forward;
        while (true)
        {
            byte[] block = new byte[ForwardBlockSize];
            int count;
            try
            {
                count = await forward.ReadFullyAsync(block, mode, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception exception)
            {
                // Whatever it was, the place in the stream is lost.
                _forward = null;
                await forward.DisposeAsync().ConfigureAwait(false);
                if (exception is InvalidDataException)
                {
                    throw new DiskFormatException(_formatName, _forwardPosition, "The compressed data are damaged near this position of the plain content.", exception);
                }

                throw;
            }

            long position = _forwardPosition;
            _forwardPosition += count;
            block = count == block.Length ? block : block[..count];
            _cache.Add(position, block);
            if (position == start || count < ForwardBlockSize)
            {
                return position == start ? block : [];
            }
        }
    }

    private async ValueTask<(byte[] Content, long Start)> FetchMemberAsync(long offset, IoMode mode, CancellationToken cancellationToken)
    {
        if (await FindMemberAsync(offset, mode, cancellationToken).ConfigureAwait(false) is not { } member)
        {
            return ([], offset);
        }

        if (_cache.Find(member.PlainOffset) is { } cached)
        {
            return (cached, member.PlainOffset);
        }

        byte[] content = new byte[member.PlainLength];
        byte[] rented = ArrayPool<byte>.Shared.Rent(member.Length);
        try
        {
            Memory<byte> encoded = rented.AsMemory(0, member.Length);
            int count = await _container.ReadAsync(encoded, member.FileOffset, mode, cancellationToken).ConfigureAwait(false);
            if (count < encoded.Length || !GzipMember.TryDecode(encoded.Span, content))
            {
                throw new DiskFormatException(_formatName, member.FileOffset, $"The gzip member is damaged: its {member.PlainLength} bytes do not decode, or their checksum differs.");
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }

        _cache.Add(member.PlainOffset, content);
        return (content, member.PlainOffset);
    }

    // The list only grows; readers see the part whose count was published.
    private async ValueTask<Member?> FindMemberAsync(long offset, IoMode mode, CancellationToken cancellationToken)
    {
        if (Lookup(offset) is { } known)
        {
            return known;
        }

        await EnterAsync(_gate, mode, cancellationToken).ConfigureAwait(false);
        try
        {
            Member? found = Lookup(offset);
            while (found is null && await ReadNextMemberAsync(mode, cancellationToken).ConfigureAwait(false))
            {
                found = Lookup(offset);
            }

            return found;
        }
        finally
        {
            _gate.Release();
        }
    }

    private async ValueTask<bool> ReadNextMemberAsync(IoMode mode, CancellationToken cancellationToken)
    {
        Member last = _members.Count == 0 ? default : _members[^1];
        long fileOffset = last.FileOffset + last.Length;
        if (fileOffset >= _container.Length)
        {
            return false;
        }

        byte[] header = new byte[GzipConstants.SizedHeaderLength];
        int count = await _container.ReadAsync(header, fileOffset, mode, cancellationToken).ConfigureAwait(false);
        if (!GzipMember.TryReadSizes(header.AsSpan(0, count), out int length, out int plainLength) || length > _container.Length - fileOffset)
        {
            throw new DiskFormatException(_formatName, fileOffset, "A gzip member with its length in an extra field was expected, as all before it have; there is none, or it is cut short.");
        }

        if (_members.Count >= _maxMembers)
        {
            throw new DiskFormatException(_formatName, fileOffset, $"The archive has more than {_maxMembers} gzip members, which DiskReadLimits.MaxMetadataMemory does not allow.");
        }

        lock (_members)
        {
            _members.Add(new Member(fileOffset, length, last.PlainOffset + last.PlainLength, plainLength));
        }

        return true;
    }

    private Member? Lookup(long offset)
    {
        lock (_members)
        {
            int low = 0;
            int high = _members.Count - 1;
            while (low <= high)
            {
                int middle = (low + high) >>> 1;
                Member member = _members[middle];
                if (offset < member.PlainOffset)
                {
                    high = middle - 1;
                }
                else if (offset >= member.PlainOffset + member.PlainLength)
                {
                    low = middle + 1;
                }
                else
                {
                    return member;
                }
            }
        }

        return null;
    }

    private readonly struct Member
    {
        public Member(long fileOffset, int length, long plainOffset, int plainLength)
        {
            FileOffset = fileOffset;
            Length = length;
            PlainOffset = plainOffset;
            PlainLength = plainLength;
        }

        public long FileOffset { get; }

        public int Length { get; }

        public long PlainOffset { get; }

        public int PlainLength { get; }
    }
}
