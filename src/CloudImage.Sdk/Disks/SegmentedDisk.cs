using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Disks;

/// <summary>Ranges of other disks, one behind the other: a member of an archive, a file that is cut into parts.</summary>
/// <remarks>Thread-safe like its parts. Owns none of them, but may be given something to dispose with itself.</remarks>
internal sealed class SegmentedDisk : MappedDisk
{
    private readonly VirtualDisk[] _parts;
    private readonly long[] _starts;
    private readonly long[] _partOffsets;
    private readonly IDisposable? _owned;

    public SegmentedDisk(IReadOnlyList<(VirtualDisk Part, long Offset, long Length)> segments, IDisposable? owned)
    {
        _parts = new VirtualDisk[segments.Count];
        _starts = new long[segments.Count];
        _partOffsets = new long[segments.Count];
        _owned = owned;
        for (int index = 0; index < segments.Count; index++)
        {
            _parts[index] = segments[index].Part;
            _starts[index] = Length;
            _partOffsets[index] = segments[index].Offset;
            Length = checked(Length + segments[index].Length);
        }

        Info = new DiskInfo { FormatName = "raw", VirtualSize = Length, ContainerLength = Length };
    }

    public override DiskInfo Info { get; }

    public override long Length { get; }

    public override bool IsLocal => Array.TrueForAll(_parts, static part => part.IsLocal);

    protected override ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        // Of several segments that begin at one place all but the last are empty.
        int index = Array.BinarySearch(_starts, offset);
        index = index >= 0 ? index : ~index - 1;
        while (index + 1 < _starts.Length && _starts[index + 1] == offset)
        {
            index++;
        }

        long end = index + 1 < _starts.Length ? _starts[index + 1] : Length;
        long delta = offset - _starts[index];
        return ValueTask.FromResult(new DiskPlacement(
            offset, Math.Min(length, end - offset), DiskExtentKind.Data, _partOffsets[index] + delta, _parts[index], 0, false, 0));
    }

    protected override void Dispose(bool disposing)
    {
        _owned?.Dispose();
        base.Dispose(disposing);
    }
}
