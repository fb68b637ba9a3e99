using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Disks;

/// <summary>The bytes of a seekable stream as a container. Its one cursor makes the reads take turns.</summary>
internal sealed class StreamDisk : VirtualDisk
{
    private readonly Stream _stream;
    private readonly bool _leaveOpen;
    private readonly SemaphoreSlim _turn = new(1, 1);

    public StreamDisk(Stream stream, bool leaveOpen)
    {
        _stream = stream;
        _leaveOpen = leaveOpen;
        Length = stream.Length;
        Info = new DiskInfo { FormatName = "raw", VirtualSize = Length, ContainerLength = Length };
    }

    public override DiskInfo Info { get; }

    public override long Length { get; }

    protected override async ValueTask<int> ReadCoreAsync(Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        bool isSynchronous = mode == IoMode.Synchronous;
        if (isSynchronous)
        {
            _turn.Wait(CancellationToken.None);
        }
        else
        {
            await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        try
        {
            _stream.Position = offset;
            int count = isSynchronous
                ? _stream.ReadAtLeast(buffer.Span, buffer.Length, false)
                : await _stream.ReadAtLeastAsync(buffer, buffer.Length, false, cancellationToken).ConfigureAwait(false);
            return count == buffer.Length
                ? count
                : throw new CloudImageException($"The stream ended at byte {offset + count} although its length was {Length}.");
        }
        finally
        {
            _turn.Release();
        }
    }

    protected override ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken) =>
        ValueTask.FromResult(new DiskPlacement(offset, length, DiskExtentKind.Data, offset, this, 0, false, 0));

    protected override void Dispose(bool disposing)
    {
        _turn.Dispose();
        if (!_leaveOpen)
        {
            _stream.Dispose();
        }

        base.Dispose(disposing);
    }
}
