using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Trees;

namespace CloudImage.Sdk.Snapshots.Capture;

/// <summary>Decides leaf by leaf what has to be read, from extents, change map and the parent's tree. One user at a time.</summary>
internal sealed class CapturePlanner : ICapturePlanner
{
    private readonly CapturePlan _plan;
    private readonly ExtentCursor _cursor;
    private readonly List<DiskExtent> _extents = [];
    private readonly bool[] _wanted = new bool[TreeGeometry.FanOut];

    public CapturePlanner(CapturePlan plan)
    {
        _plan = plan;
        _cursor = new ExtentCursor(plan.Disk);
    }

    public async Task RunAsync(Func<CaptureItem, CancellationToken, ValueTask> emit, CancellationToken cancellationToken)
    {
        TreeGeometry geometry = _plan.Geometry;
        for (long first = 0; first < geometry.ChunkCount; first += TreeGeometry.FanOut)
        {
            cancellationToken.ThrowIfCancellationRequested();
            await PlanLeafAsync(first, geometry.UsedEntries(0, first), emit, cancellationToken).ConfigureAwait(false);
        }
    }

    public ValueTask DisposeAsync() => _cursor.DisposeAsync();

    private async ValueTask PlanLeafAsync(long first, int used, Func<CaptureItem, CancellationToken, ValueTask> emit, CancellationToken cancellationToken)
    {
        long start = first * _plan.ChunkSize;
        long end = Math.Min(_plan.Geometry.Length, (first + used) * _plan.ChunkSize);
        (NodeRef parent, bool hasParent) = await FindParentAsync(first, cancellationToken).ConfigureAwait(false);
        bool keepsUntouched = _plan.ChangeMap is not null && hasParent;
        if (keepsUntouched && IsWhollyKept(parent, first, used, start, end))
        {
            await emit(new CaptureItem { Reference = parent, DiskBytes = end - start }, cancellationToken).ConfigureAwait(false);
            return;
        }

        TreeNode? parentNode = hasParent && parent.Kind == EntryKind.Stored
            ? await _plan.Parent!.LoadAsync(parent, 0, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false)
            : null;
        CaptureLeaf leaf = new() { FirstChunk = first, Used = used, ParentNode = parentNode, ParentRef = parent, Relatives = await FindBaseAsync(first, cancellationToken).ConfigureAwait(false) };
        int wanted = 0;
        for (int index = 0; index < used; index++)
        {
            _wanted[index] = !(keepsUntouched && TryKeep(leaf, parent, index));
            wanted += _wanted[index] ? 1 : 0;
        }

        List<CaptureUnit> units = wanted > 0 ? await PlanReadsAsync(leaf, end, cancellationToken).ConfigureAwait(false) : [];
        await CaptureItem.EmitLeafAsync(leaf, units, end - start, _plan.ChunkSize, emit, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<(NodeRef Parent, bool HasParent)> FindParentAsync(long first, CancellationToken cancellationToken)
    {
        if (_plan.Parent is null || first >= _plan.Parent.Geometry.ChunkCount)
        {
            return (default, false);
        }

        (NodeRef found, int _) = await _plan.Parent.FindAsync(0, first, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
        return (found, true);
    }

    private async ValueTask<IReadOnlyList<(TreeNode Node, NodeRef Reference)>> FindBaseAsync(long first, CancellationToken cancellationToken)
    {
        if (_plan.Base is null || first >= _plan.Base.Geometry.ChunkCount)
        {
            return [];
        }

        (NodeRef found, int _) = await _plan.Base.FindAsync(0, first, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
        return found.Kind == EntryKind.Stored
            ? [(await _plan.Base.LoadAsync(found, 0, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false), found)]
            : [];
    }

    // A leaf that holds the end of the shorter of the two disks is looked at chunk by chunk: what lies behind an end changed without being written.
    private bool IsWhollyKept(NodeRef parent, long first, int used, long start, long end)
    {
        long parentEnd = _plan.Parent!.Geometry.Length;
        bool sameShape = used == _plan.Parent.Geometry.UsedEntries(0, first) && (end < _plan.Geometry.Length || parentEnd == _plan.Geometry.Length)
            && (parentEnd >= end || parentEnd == _plan.Geometry.Length);
        if (!sameShape || _plan.ChangeMap!.Overlaps(start, end - start))
        {
            return false;
        }

        if (parent.Kind != EntryKind.Stored)
        {
            return true;
        }

        // A disk of one leaf has no node above it that lists the packs: it is looked at as well.
        return parent.Reach is { } reach && _plan.IsUsable(parent.Place.Pack) && Array.TrueForAll(reach, pack => _plan.IsUsable(pack));
    }

    private bool TryKeep(CaptureLeaf leaf, NodeRef parent, int index)
    {
        long chunk = leaf.FirstChunk + index;
        long start = chunk * _plan.ChunkSize;
        long end = Math.Min(_plan.Geometry.Length, start + _plan.ChunkSize);
        TreeGeometry old = _plan.Parent!.Geometry;
        bool isCovered = chunk < old.ChunkCount && end == Math.Min(old.Length, start + _plan.ChunkSize);
        if (!isCovered || _plan.ChangeMap!.Overlaps(start, end - start))
        {
            return false;
        }

        EntryKind kind = leaf.ParentNode?.Kind(index) ?? parent.Kind;
        if (kind == EntryKind.Stored)
        {
            if (!_plan.TryUse(leaf.ParentNode!.Place(index), out FramePlace place))
            {
                return false;
            }

            leaf.Node.SetStored(index, leaf.ParentNode.Digest(index), place);
        }
        else if (kind == EntryKind.Absent)
        {
            leaf.Node.SetAbsent(index);
        }

        return true;
    }

    private async ValueTask<List<CaptureUnit>> PlanReadsAsync(CaptureLeaf leaf, long diskEnd, CancellationToken cancellationToken)
    {
        List<CaptureUnit> units = [];
        int index = 0;
        while (index < leaf.Used)
        {
            if (!_wanted[index])
            {
                index++;
                continue;
            }

            int run = index;
            while (run < leaf.Used && _wanted[run])
            {
                run++;
            }

            long start = (leaf.FirstChunk + index) * _plan.ChunkSize;
            await _cursor.CollectAsync(start, Math.Min(diskEnd, (leaf.FirstChunk + run) * _plan.ChunkSize), _extents, cancellationToken).ConfigureAwait(false);
            AddRun(leaf, index, run, units);
            index = run;
        }

        return units;
    }

    private void AddRun(CaptureLeaf leaf, int from, int to, List<CaptureUnit> units)
    {
        int next = 0;
        for (int index = from; index < to; index++)
        {
            long start = (leaf.FirstChunk + index) * _plan.ChunkSize;
            long end = Math.Min(_plan.Geometry.Length, start + _plan.ChunkSize);
            while (_extents[next].End <= start)
            {
                next++;
            }

            bool hasData = false;
            bool hasUnmapped = false;
            bool hasZero = false;
            for (int at = next; at < _extents.Count && _extents[at].Offset < end; at++)
            {
                hasData |= _extents[at].Kind == DiskExtentKind.Data;
                hasUnmapped |= _extents[at].Kind == DiskExtentKind.Unmapped;
                hasZero |= _extents[at].Kind == DiskExtentKind.Zero;
            }

            if (_plan.IsLayer && hasUnmapped && !hasData && !hasZero)
            {
                leaf.Node.SetAbsent(index);
            }
            else if (hasData || (_plan.LayerBase is not null && hasUnmapped && hasZero))
            {
                AddChunk(leaf, index, start, end, next, units);
            }
        }
    }

    private void AddChunk(CaptureLeaf leaf, int index, long start, long end, int next, List<CaptureUnit> units)
    {
        if (units.Count == 0 || units[^1].Entries.Count == _plan.ChunksPerUnit)
        {
            units.Add(new CaptureUnit(leaf));
        }

        CaptureUnit unit = units[^1];
        unit.Entries.Add(index);
        for (; next < _extents.Count && _extents[next].Offset < end; next++)
        {
            DiskExtent extent = _extents[next];
            if (extent.Kind == DiskExtentKind.Data || (extent.Kind == DiskExtentKind.Unmapped && _plan.LayerBase is not null))
            {
                long from = Math.Max(start, extent.Offset);
                unit.Ranges.Add(new DiskExtent(from, Math.Min(end, extent.End) - from, extent.Kind));
            }
        }
    }
}
