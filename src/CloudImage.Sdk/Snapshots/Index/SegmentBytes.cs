using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots.Index;

/// <summary>What a segment is opened from: its ranges, or all of it where one request to a distant store costs more than its bytes.</summary>
internal sealed class SegmentBytes
{
    /// <summary>A longer segment is read by the range: some ten thousand chunks.</summary>
    private const int MaxWhole = 256 << 10;
    private readonly ObjectStore _store;
    private readonly string _name;
    private readonly byte[]? _whole;

    private SegmentBytes(ObjectStore store, string name, byte[]? whole)
    {
        _store = store;
        _name = name;
        _whole = whole;
    }

    /// <summary>Opens a segment.</summary>
    /// <exception cref="RepositoryCorruptException">The object is missing or shorter than it was.</exception>
    public static async ValueTask<SegmentBytes> OpenAsync(ObjectStore store, string name, long length, CancellationToken cancellationToken)
    {
        byte[]? whole = store.Capabilities.IsLocal || length > MaxWhole ? null : GC.AllocateUninitializedArray<byte>((int)length);
        if (whole is not null)
        {
            await PackReader.ReadExactlyAsync(store, name, whole, 0, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
        }

        return new SegmentBytes(store, name, whole);
    }

    /// <summary>Reads a range that must be there.</summary>
    /// <exception cref="RepositoryCorruptException">The object is missing or ends within the range.</exception>
    public ValueTask ReadExactlyAsync(Memory<byte> buffer, long offset, CancellationToken cancellationToken)
    {
        if (_whole is null)
        {
            return PackReader.ReadExactlyAsync(_store, _name, buffer, offset, IoMode.Asynchronous, cancellationToken);
        }

        _whole.AsSpan(checked((int)offset), buffer.Length).CopyTo(buffer.Span);
        return ValueTask.CompletedTask;
    }

    /// <summary>Keeps the blocks of a segment that was read whole, as far as they are right.</summary>
    public void KeepBlocks(FlightCache<(string Name, long Block), byte[]> pages, long count)
    {
        for (long block = 0; _whole is not null && block < count; block++)
        {
            ReadOnlySpan<byte> page = _whole.AsSpan((int)(SegmentLayout.HeaderLength + (block * SegmentLayout.BlockLength)), SegmentLayout.BlockLength);
            if (SegmentLayout.CheckBlock(page, block) >= 0)
            {
                pages.Put((_name, block), page.ToArray());
            }
        }
    }
}
