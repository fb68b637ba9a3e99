using System;
using System.Buffers;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Disks;

/// <summary>Feeds a copy with the blocks in which a disk differs from the parent that shows through the destination.</summary>
internal sealed class DifferenceCopyFeed : CopyFeed
{
    private readonly VirtualDisk _source;
    private readonly VirtualDisk _parent;
    private readonly CopyPlanner _planner;

    public DifferenceCopyFeed(VirtualDisk source, VirtualDisk parent, long length, CopyShape shape)
    {
        _source = source;
        _parent = parent;
        _planner = new CopyPlanner(new DiskPair(source, parent, length).NextAsync, length, shape.WindowSize);
    }

    public override ValueTask<bool> TryNextAsync(CopyChunk chunk, IoMode mode, CancellationToken cancellationToken) =>
        _planner.TryNextAsync(chunk, mode, cancellationToken);

    public override async ValueTask ReadAsync(CopyChunk chunk, CopyShape shape, IoMode mode, CancellationToken cancellationToken)
    {
        foreach (Range range in chunk.Ranges)
        {
            (int start, int length) = range.GetOffsetAndLength(chunk.Length);
            byte[] parent = ArrayPool<byte>.Shared.Rent(length);
            try
            {
                await DiskPair.FillAsync(_source, chunk.Buffer[range], chunk.Offset + start, mode, cancellationToken).ConfigureAwait(false);
                await DiskPair.FillAsync(_parent, parent.AsMemory(0, length), chunk.Offset + start, mode, cancellationToken).ConfigureAwait(false);
                shape.AddDifferent(chunk, parent.AsSpan(0, length), start, start + length);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(parent);
            }
        }
    }
}
