using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Disks;

/// <summary>A disk, or a container, whose bytes lie in memory. Thread-safe; the memory is not copied and not owned.</summary>
public sealed class MemoryDisk : VirtualDisk
{
    private readonly ReadOnlyMemory<byte> _content;

    /// <summary>Makes a disk over bytes.</summary>
    /// <param name="content">The content; not to be changed while the disk is used.</param>
    public MemoryDisk(ReadOnlyMemory<byte> content)
    {
        _content = content;
        Info = new DiskInfo { FormatName = "raw", VirtualSize = content.Length, ContainerLength = content.Length };
    }

    /// <inheritdoc/>
    public override DiskInfo Info { get; }

    /// <inheritdoc/>
    public override long Length => _content.Length;

    /// <inheritdoc/>
    public override bool IsLocal => true;

    /// <inheritdoc/>
    protected override int ReadCore(Span<byte> buffer, long offset)
    {
        _content.Span.Slice((int)offset, buffer.Length).CopyTo(buffer);
        return buffer.Length;
    }

    /// <inheritdoc/>
    protected override ValueTask<int> ReadCoreAsync(Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken) =>
        ValueTask.FromResult(ReadCore(buffer.Span, offset));

    /// <inheritdoc/>
    protected override ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken) =>
        ValueTask.FromResult(new DiskPlacement(offset, length, DiskExtentKind.Data, offset, this, 0, false, 0));
}
