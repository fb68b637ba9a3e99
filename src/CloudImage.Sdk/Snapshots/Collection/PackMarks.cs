using System;
using System.Numerics;
using System.Threading;
using CloudImage.Sdk.Snapshots.Packs;

namespace CloudImage.Sdk.Snapshots.Collection;

/// <summary>Which frames of a pack are referred to: one bit a frame, beside the offsets that lead to it. Marking is thread-safe.</summary>
internal sealed class PackMarks
{
    private readonly uint[] _offsets;
    private readonly ulong[] _bits;
    private readonly uint _end;

    public PackMarks(PackSlot[] slots)
    {
        _offsets = new uint[slots.Length];
        _bits = new ulong[(slots.Length + 63) / 64];
        for (int index = 0; index < slots.Length; index++)
        {
            _offsets[index] = slots[index].Offset;
        }

        _end = slots.Length == 0 ? 0 : slots[^1].Offset + slots[^1].Length;
    }

    public int Count => _offsets.Length;

    /// <summary>Bytes of all frames.</summary>
    public long TotalBytes => _offsets.Length == 0 ? 0 : _end - _offsets[0];

    /// <summary>Marks the frame at an offset.</summary>
    /// <param name="offset">Where the reference says that the frame begins.</param>
    /// <param name="guess">Where to look first: neighbours on the disk mostly are neighbours in the pack. Becomes the next guess.</param>
    /// <returns>Whether there is such a frame.</returns>
    public bool TryMark(uint offset, ref int guess) => TryMark(offset, ref guess, out _);

    /// <summary>Marks the frame at an offset, and tells whether it was marked before.</summary>
    public bool TryMark(uint offset, ref int guess, out bool isNew)
    {
        uint[] offsets = _offsets;
        int index = guess;
        if ((uint)index >= (uint)offsets.Length || offsets[index] != offset)
        {
            index = Array.BinarySearch(offsets, offset);
            if (index < 0)
            {
                isNew = false;
                return false;
            }
        }

        guess = index + 1;
        ref ulong word = ref _bits[index >> 6];
        ulong bit = 1UL << (index & 63);
        isNew = (Volatile.Read(ref word) & bit) == 0 && (Interlocked.Or(ref word, bit) & bit) == 0;
        return true;
    }

    public bool IsMarked(int index) => (_bits[index >> 6] & (1UL << (index & 63))) != 0;

    /// <summary>Counts the frames that are marked.</summary>
    public int CountMarked()
    {
        int count = 0;
        foreach (ulong word in _bits)
        {
            count += BitOperations.PopCount(word);
        }

        return count;
    }

    /// <summary>Bytes of the frames that are marked; frames fill their pack without a gap.</summary>
    public long CountMarkedBytes()
    {
        long bytes = 0;
        for (int index = 0; index < _offsets.Length; index++)
        {
            bytes += IsMarked(index) ? (index + 1 < _offsets.Length ? _offsets[index + 1] : _end) - _offsets[index] : 0;
        }

        return bytes;
    }
}
