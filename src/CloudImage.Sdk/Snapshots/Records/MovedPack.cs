using System;
using System.Collections.Generic;
using CloudImage.Sdk.Snapshots.Packs;

namespace CloudImage.Sdk.Snapshots.Records;

/// <summary>Where the frames of one pack were copied to, in the order of their offsets. Immutable; thread-safe.</summary>
internal sealed class MovedPack
{
    private readonly uint[] _from;
    private readonly int[] _packs;
    private readonly uint[] _to;
    private readonly PackId[] _targets;

    /// <summary>Makes a map.</summary>
    /// <param name="source">The pack that was copied from.</param>
    /// <param name="targets">The table that <paramref name="packs"/> counts in.</param>
    /// <param name="from">Offsets in the source, ascending.</param>
    /// <param name="packs">For each, the number of the target.</param>
    /// <param name="to">For each, the offset in the target.</param>
    public MovedPack(PackId source, PackId[] targets, uint[] from, int[] packs, uint[] to)
    {
        Source = source;
        _targets = targets;
        _from = from;
        _packs = packs;
        _to = to;
    }

    public PackId Source { get; }

    public int Count => _from.Length;

    public (uint From, int Pack, uint To) this[int index] => (_from[index], _packs[index], _to[index]);

    /// <summary>The packs that frames of the source went to.</summary>
    public IEnumerable<PackId> Targets()
    {
        int last = -1;
        foreach (int pack in _packs)
        {
            if (pack != last)
            {
                last = pack;
                yield return _targets[pack];
            }
        }
    }

    /// <summary>Finds the new place of a frame; frames have the same length everywhere.</summary>
    /// <returns>Whether the frame was copied.</returns>
    public bool TryFind(in FramePlace place, out FramePlace moved)
    {
        int index = Array.BinarySearch(_from, place.Offset);
        moved = index >= 0 ? new FramePlace(_targets[_packs[index]], _to[index], place.Length) : default;
        return index >= 0;
    }
}
