using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vhdx;

/// <summary>Shows a container as it will be once its log is replayed, without writing to it.</summary>
internal sealed class VhdxLogOverlay : VirtualDisk
{
    private readonly VirtualDisk _container;
    private readonly bool _leaveOpen;

    // Apart and in order of their offsets; pages that later zeros cover are left out.
    private readonly List<VhdxLogChange> _zeroes;
    private readonly List<VhdxLogChange> _pages;

    public VhdxLogOverlay(VirtualDisk container, IReadOnlyList<VhdxLogEntry> entries, bool leaveOpen)
    {
        _container = container;
        _leaveOpen = leaveOpen;
        Length = (long)Math.Max((ulong)container.Length, Math.Min(entries[^1].LastFileLength, long.MaxValue / 2));
        Info = new DiskInfo { FormatName = "raw", VirtualSize = Length };
        (_zeroes, _pages) = Merge(entries);
    }

    public override DiskInfo Info { get; }

    public override long Length { get; }

    public override bool IsLocal => _container.IsLocal;

    protected override async ValueTask<int> ReadCoreAsync(Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        int count = await _container.ReadAsync(buffer, offset, mode, cancellationToken).ConfigureAwait(false);
        buffer.Span[count..].Clear();
        Apply(_zeroes, buffer.Span, offset);
        Apply(_pages, buffer.Span, offset);
        return buffer.Length;
    }

    protected override ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken) =>
        ValueTask.FromResult(new DiskPlacement(offset, length, DiskExtentKind.Data, offset, this, 0, false, 0));

    protected override void Dispose(bool disposing)
    {
        if (!_leaveOpen)
        {
            _container.Dispose();
        }

        base.Dispose(disposing);
    }

    private static void Apply(List<VhdxLogChange> changes, Span<byte> buffer, long offset)
    {
        long end = offset + buffer.Length;
        for (int index = FirstEndingAfter(changes, offset); index < changes.Count && changes[index].FileOffset < end; index++)
        {
            VhdxLogChange change = changes[index];
            long from = Math.Max(offset, change.FileOffset);
            int count = (int)(Math.Min(end, change.End) - from);
            Span<byte> target = buffer.Slice((int)(from - offset), count);
            if (change.Page is { } page)
            {
                page.AsSpan((int)(from - change.FileOffset), count).CopyTo(target);
            }
            else
            {
                target.Clear();
            }
        }
    }

    private static int FirstEndingAfter(List<VhdxLogChange> changes, long offset)
    {
        int low = 0;
        int high = changes.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (changes[middle].End <= offset)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    private static (List<VhdxLogChange> Zeroes, List<VhdxLogChange> Pages) Merge(IReadOnlyList<VhdxLogEntry> entries)
    {
        List<(VhdxLogChange Change, int Order)> zeroes = [];
        Dictionary<long, (VhdxLogChange Change, int Order)> latest = [];
        int order = 0;
        foreach (VhdxLogEntry entry in entries)
        {
            foreach (VhdxLogChange change in entry.Changes)
            {
                order++;
                if (change.Page is not null)
                {
                    latest[change.FileOffset] = (change, order);
                }
                else if (change.Length > 0)
                {
                    zeroes.Add((change, order));
                }
            }
        }

        List<(VhdxLogChange Change, int Order)> apart = Flatten(zeroes);
        List<VhdxLogChange> ranges = apart.ConvertAll(static item => item.Change);
        List<VhdxLogChange> pages = [];
        foreach ((VhdxLogChange page, int pageOrder) in latest.Values)
        {
            int index = FirstEndingAfter(ranges, page.FileOffset);
            bool isCovered = index < ranges.Count && ranges[index].FileOffset <= page.FileOffset && apart[index].Order > pageOrder;
            if (!isCovered)
            {
                pages.Add(page);
            }
        }

        pages.Sort(static (left, right) => left.FileOffset.CompareTo(right.FileOffset));
        return (ranges, pages);
    }

    /// <summary>Cuts ranges that may overlap into ones that do not, each with the latest order of those that cover it.</summary>
    private static List<(VhdxLogChange Change, int Order)> Flatten(List<(VhdxLogChange Change, int Order)> ranges)
    {
        ranges.Sort(static (left, right) => left.Change.FileOffset.CompareTo(right.Change.FileOffset));
        List<(VhdxLogChange Change, int Order)> apart = [];
        PriorityQueue<(long End, int Order), int> open = new();
        long position = 0;
        int next = 0;
        while (next < ranges.Count || open.Count > 0)
        {
            if (open.Count == 0)
            {
                position = ranges[next].Change.FileOffset;
            }

            for (; next < ranges.Count && ranges[next].Change.FileOffset <= position; next++)
            {
                open.Enqueue((ranges[next].Change.End, ranges[next].Order), -ranges[next].Order);
            }

            (long end, int order) = open.Peek();
            if (end <= position)
            {
                open.Dequeue();
                continue;
            }

            long to = next < ranges.Count ? Math.Min(end, ranges[next].Change.FileOffset) : end;
            apart.Add((new VhdxLogChange(position, to - position, null), order));
            position = to;
        }

        return apart;
    }
}
