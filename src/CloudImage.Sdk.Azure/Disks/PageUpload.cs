using System;
using System.Buffers;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using Azure;
using Azure.Storage;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using CloudImage.Sdk.Hashing;

namespace CloudImage.Sdk.Azure.Disks;

/// <summary>Puts a disk's bytes into the pages of a blob that exists: up to 4 MiB a request, each with its MD5; zeros only over what is there. Disjoint ranges may be written from several threads.</summary>
internal sealed class PageUpload : IDisposable
{
    private static readonly byte[] s_zeros = new byte[PageBlobConstants.MaxTransferLength];

    private readonly PageBlobClient _client;
    private readonly string _name;
    private readonly long _length;
    private readonly PageUploadKind _kind;
    private readonly bool _canClear;
    private readonly PageBlobRequestConditions? _conditions;
    private readonly SemaphoreSlim _requests;
    private readonly SemaphoreSlim _parts = new(1);

    // What an earlier upload left, what may hold anything now, and, only where there was an earlier one, what this one has decided.
    private readonly PageSet _earlier;
    private readonly PageSet _held;
    private readonly PageSet? _touched;
    private long _sentBytes;
    private long _keptBytes;

    /// <param name="client">What sends.</param>
    /// <param name="length">Length of the disk: whole pages, without a footer.</param>
    /// <param name="earlier">Ranges that hold pages already.</param>
    /// <param name="kind">What is made of them.</param>
    /// <param name="canClear">Whether pages may be cleared; else zeros are written over them.</param>
    /// <param name="sequenceNumber">The blob's sequence number, without which nothing is written; null for any.</param>
    /// <param name="maxRequests">How many requests are under way at once.</param>
    public PageUpload(PageBlobClient client, long length, IReadOnlyList<(long Start, long End)> earlier, PageUploadKind kind, bool canClear, long? sequenceNumber, int maxRequests)
    {
        _client = client;
        _name = PageBlobConstants.Name(client.Uri);
        _length = length;
        _kind = kind;
        _canClear = canClear;
        _conditions = sequenceNumber is null ? null : new PageBlobRequestConditions { IfSequenceNumberEqual = sequenceNumber };
        _requests = new SemaphoreSlim(maxRequests);
        _earlier = new PageSet(earlier);
        _held = new PageSet(earlier);
        _touched = earlier.Count > 0 ? new PageSet() : null;
    }

    public long SentByteCount => Interlocked.Read(ref _sentBytes);

    public long KeptByteCount => Interlocked.Read(ref _keptBytes);

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, long offset, CancellationToken cancellationToken)
    {
        int start = (int)(offset % PageBlobConstants.PageSize);
        if (start > 0 || buffer.Length < PageBlobConstants.PageSize)
        {
            int count = Math.Min(buffer.Length, PageBlobConstants.PageSize - start);
            await WritePartAsync(offset - start, start, buffer[..count], count, cancellationToken).ConfigureAwait(false);
            buffer = buffer[count..];
            offset += count;
        }

        int whole = buffer.Length / PageBlobConstants.PageSize * PageBlobConstants.PageSize;
        if (whole > 0)
        {
            await WritePagesAsync(buffer[..whole], offset, cancellationToken).ConfigureAwait(false);
            buffer = buffer[whole..];
            offset += whole;
        }

        if (buffer.Length > 0)
        {
            await WritePartAsync(offset, 0, buffer, buffer.Length, cancellationToken).ConfigureAwait(false);
        }
    }

    public async ValueTask WriteZeroesAsync(long offset, long length, CancellationToken cancellationToken)
    {
        long end = offset + length;
        while (offset < end)
        {
            int start = (int)(offset % PageBlobConstants.PageSize);
            int count = (int)Math.Min(end - offset, PageBlobConstants.PageSize - start);
            if (count < PageBlobConstants.PageSize)
            {
                await WritePartAsync(offset - start, start, default, count, cancellationToken).ConfigureAwait(false);
                offset += count;
                continue;
            }

            long stop = end / PageBlobConstants.PageSize * PageBlobConstants.PageSize;
            await ClearAsync(offset, stop, cancellationToken).ConfigureAwait(false);
            offset = stop;
        }
    }

    /// <summary>Takes away what an earlier upload left where this one wrote nothing.</summary>
    public async ValueTask ClearLeftoversAsync(CancellationToken cancellationToken)
    {
        if (_touched is null)
        {
            return;
        }

        foreach ((long start, long end) in _held.Intersect(0, _length))
        {
            long position = start;
            foreach ((long touchedStart, long touchedEnd) in _touched.Intersect(start, end).Append((end, end)))
            {
                if (touchedStart > position)
                {
                    await ClearAsync(position, touchedStart, cancellationToken).ConfigureAwait(false);
                }

                position = touchedEnd;
            }
        }
    }

    /// <summary>Writes the footer, behind the disk.</summary>
    /// <param name="footer">The footer.</param>
    /// <param name="tag">The state that the blob must still have; null for any.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The blob's new state. With a state, faults are the vendor's own.</returns>
    public ValueTask<ETag> PutFooterAsync(ReadOnlyMemory<byte> footer, ETag? tag, CancellationToken cancellationToken) =>
        PutAsync(footer, _length, new PageBlobRequestConditions { IfMatch = tag, IfSequenceNumberEqual = _conditions?.IfSequenceNumberEqual }, tag is null, cancellationToken);

    private async ValueTask<ETag> PutAsync(ReadOnlyMemory<byte> pages, long offset, PageBlobRequestConditions? conditions, bool mapsFaults, CancellationToken cancellationToken)
    {
        await _requests.WaitAsync(cancellationToken).ConfigureAwait(false);
        byte[]? rented = null;
        try
        {
            if (!MemoryMarshal.TryGetArray(pages, out ArraySegment<byte> segment))
            {
                rented = ArrayPool<byte>.Shared.Rent(pages.Length);
                pages.CopyTo(rented);
                segment = new ArraySegment<byte>(rented, 0, pages.Length);
            }

            using MemoryStream content = new(segment.Array!, segment.Offset, segment.Count, false);
            Response<PageInfo> response = await _client.UploadPagesAsync(content, offset, new PageBlobUploadPagesOptions
            {
                Conditions = conditions,
                TransferValidation = new UploadTransferValidationOptions { ChecksumAlgorithm = StorageChecksumAlgorithm.MD5 },
            }, cancellationToken).ConfigureAwait(false);
            Interlocked.Add(ref _sentBytes, pages.Length);
            return response.Value.ETag;
        }
        catch (Exception exception) when (mapsFaults && AzureDiskFaults.IsFault(exception, cancellationToken))
        {
            throw AzureDiskFaults.Map(exception, $"Writing {pages.Length} bytes at {offset} of {_name}");
        }
        finally
        {
            _requests.Release();
            if (rented is not null)
            {
                ArrayPool<byte>.Shared.Return(rented);
            }
        }
    }

    public void Dispose()
    {
        _requests.Dispose();
        _parts.Dispose();
    }

    private async ValueTask WritePagesAsync(ReadOnlyMemory<byte> buffer, long offset, CancellationToken cancellationToken)
    {
        if (buffer.Length <= PageBlobConstants.MaxTransferLength)
        {
            await WriteRunsAsync(buffer, offset, cancellationToken).ConfigureAwait(false);
            return;
        }

        List<Task> pieces = [];
        for (int start = 0; start < buffer.Length; start += PageBlobConstants.MaxTransferLength)
        {
            ReadOnlyMemory<byte> piece = buffer.Slice(start, Math.Min(PageBlobConstants.MaxTransferLength, buffer.Length - start));
            pieces.Add(WriteRunsAsync(piece, offset + start, cancellationToken).AsTask());
        }

        await Task.WhenAll(pieces).ConfigureAwait(false);
    }

    // Sends runs of pages that hold anything; few zeros between two of them go along.
    private async ValueTask WriteRunsAsync(ReadOnlyMemory<byte> pages, long offset, CancellationToken cancellationToken)
    {
        int dataStart = -1;
        int dataEnd = 0;
        for (int position = 0; position < pages.Length;)
        {
            int run = ZeroDetector.GetRunLength(pages.Span[position..], PageBlobConstants.PageSize, out bool isZero);
            if (!isZero)
            {
                if (dataStart >= 0 && position - dataEnd >= PageBlobConstants.MinGapLength)
                {
                    await WriteDataAsync(pages[dataStart..dataEnd], offset + dataStart, cancellationToken).ConfigureAwait(false);
                    dataStart = -1;
                }

                if (dataStart < 0)
                {
                    await ClearAsync(offset + dataEnd, offset + position, cancellationToken).ConfigureAwait(false);
                    dataStart = position;
                }

                dataEnd = position + run;
            }

            position += run;
        }

        if (dataStart >= 0)
        {
            await WriteDataAsync(pages[dataStart..dataEnd], offset + dataStart, cancellationToken).ConfigureAwait(false);
        }

        await ClearAsync(offset + dataEnd, offset + pages.Length, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask WriteDataAsync(ReadOnlyMemory<byte> pages, long offset, CancellationToken cancellationToken)
    {
        long end = offset + pages.Length;
        if (_kind != PageUploadKind.Overwrite && _earlier.Covers(offset, end) && _touched!.Intersect(offset, end).Count == 0
            && (_kind == PageUploadKind.Trust || await IsThereAsync(pages, offset, cancellationToken).ConfigureAwait(false)))
        {
            Interlocked.Add(ref _keptBytes, pages.Length);
        }
        else
        {
            // Before it is sent: a write whose answer is lost may have been done.
            _held.Add(offset, end);
            await PutAsync(pages, offset, _conditions, true, cancellationToken).ConfigureAwait(false);
        }

        _touched?.Add(offset, end);
    }

    private async ValueTask<bool> IsThereAsync(ReadOnlyMemory<byte> pages, long offset, CancellationToken cancellationToken)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(pages.Length);
        try
        {
            await ReadAsync(buffer.AsMemory(0, pages.Length), offset, cancellationToken).ConfigureAwait(false);
            return buffer.AsSpan(0, pages.Length).SequenceEqual(pages.Span);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async ValueTask ReadAsync(Memory<byte> buffer, long offset, CancellationToken cancellationToken)
    {
        await _requests.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await PageBlobReading.ReadAsync(_client, _name, null, true, buffer, offset, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _requests.Release();
        }
    }

    private async ValueTask ClearAsync(long start, long end, CancellationToken cancellationToken)
    {
        if (end <= start)
        {
            return;
        }

        foreach ((long heldStart, long heldEnd) in _held.Intersect(start, end))
        {
            if (_canClear)
            {
                await ClearPagesAsync(heldStart, heldEnd, cancellationToken).ConfigureAwait(false);
            }
            else
            {
                for (long position = heldStart; position < heldEnd; position += PageBlobConstants.MaxTransferLength)
                {
                    int count = (int)Math.Min(PageBlobConstants.MaxTransferLength, heldEnd - position);
                    await PutAsync(s_zeros.AsMemory(0, count), position, _conditions, true, cancellationToken).ConfigureAwait(false);
                }
            }

            _held.Remove(heldStart, heldEnd);
        }

        _touched?.Add(start, end);
    }

    private async ValueTask ClearPagesAsync(long start, long end, CancellationToken cancellationToken)
    {
        await _requests.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await AzureDiskFaults.RunAsync(
                $"Clearing {end - start} bytes at {start} of {_name}",
                async () => await _client.ClearPagesAsync(new HttpRange(start, end - start), _conditions, cancellationToken).ConfigureAwait(false),
                cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _requests.Release();
        }
    }

    // A page of which only a part is written: what is in the rest of it stays.
    private async ValueTask WritePartAsync(long page, int start, ReadOnlyMemory<byte> part, int length, CancellationToken cancellationToken)
    {
        await _parts.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            byte[] content = new byte[PageBlobConstants.PageSize];
            long end = page + PageBlobConstants.PageSize;
            bool isOurs = _touched is null || _touched.Covers(page, end);
            if (isOurs && _held.Covers(page, end))
            {
                await ReadAsync(content, page, cancellationToken).ConfigureAwait(false);
            }

            if (part.IsEmpty)
            {
                content.AsSpan(start, length).Clear();
            }
            else
            {
                part.Span.CopyTo(content.AsSpan(start));
            }

            await WriteRunsAsync(content, page, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _parts.Release();
        }
    }
}
