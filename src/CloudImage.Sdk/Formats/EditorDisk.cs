using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats;

/// <summary>Shows a container that is being edited as a disk, so that the code that reads images reads it. Owns nothing.</summary>
internal sealed class EditorDisk(ImageEditor editor) : VirtualDisk
{
    public override DiskInfo Info => new() { FormatName = "raw", VirtualSize = editor.Length, ContainerLength = editor.Length };

    public override long Length => editor.Length;

    public override bool IsLocal => true;

    protected override int ReadCore(Span<byte> buffer, long offset) => editor.Read(buffer, offset);

    protected override ValueTask<int> ReadCoreAsync(Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken) =>
        ValueTask.FromResult(editor.Read(buffer.Span, offset));

    protected override ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken) =>
        ValueTask.FromResult(new DiskPlacement(offset, length, DiskExtentKind.Data, offset, this, 0, false, 0));
}
