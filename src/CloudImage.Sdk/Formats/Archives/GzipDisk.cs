using System;
using System.Buffers;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Archives;

/// <summary>The plain content of a gzip file as a container.</summary>
/// <remarks>Gzip does not say how long its content is (its trailer counts 32 bits), so that opening decodes the file once.</remarks>
internal sealed class GzipDisk : MappedDisk
{
    private readonly VirtualDisk _container;
    private readonly GzipReader _reader;

    private GzipDisk(VirtualDisk container, GzipReader reader, long length)
    {
        _container = container;
        _reader = reader;
        Length = length;
        Info = new DiskInfo { FormatName = "raw", VirtualSize = length, ContainerLength = length };
    }

    public override DiskInfo Info { get; }

    public override long Length { get; }

    public override bool IsLocal => _container.IsLocal;

    /// <summary>Opens a gzip file and owns it. Decoding stops at a limit, so that a small file cannot ask for endless work.</summary>
    public static async ValueTask<GzipDisk> OpenAsync(VirtualDisk container, string formatName, long maxLength, DiskReadLimits limits, IoMode mode, CancellationToken cancellationToken)
    {
        byte[] rented = ArrayPool<byte>.Shared.Rent(256 << 10);
        try
        {
            using Stream plain = GzipReader.OpenForward(container);
            long length = 0;
            int count;
            while ((count = await plain.ReadFullyAsync(rented, mode, cancellationToken).ConfigureAwait(false)) > 0)
            {
                length += count;
                if (length > maxLength)
                {
                    throw new DiskFormatException(formatName, 0, $"A gzip-compressed file expands to more than {maxLength} bytes, which is more than the disk in it can need.");
                }
            }

            GzipReader reader = await GzipReader.OpenAsync(container, formatName, limits, mode, cancellationToken).ConfigureAwait(false);
            return new GzipDisk(container, reader, length);
        }
        catch (InvalidDataException exception)
        {
            throw new DiskFormatException(formatName, 0, "A gzip-compressed file is damaged.", exception);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    protected override ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken) =>
        ValueTask.FromResult(new DiskPlacement(offset, length, DiskExtentKind.Data, -1, null, 0, true, 0));

    protected override async ValueTask ReadEncodedAsync(DiskPlacement placement, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        int count = await _reader.ReadAsync(buffer, offset, mode, cancellationToken).ConfigureAwait(false);
        buffer.Span[count..].Clear();
    }

    protected override void Dispose(bool disposing)
    {
        _reader.Dispose();
        _container.Dispose();
        base.Dispose(disposing);
    }
}
