using System;
using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace CloudImage.Sdk.Compression;

/// <summary>Writes bits, the lowest first. Room is checked for whole blocks, not here.</summary>
internal unsafe ref struct DeflateBitWriter
{
    /// <summary>How many bytes behind the last one may be touched.</summary>
    private const int Slack = 8;

    private readonly byte* _start;
    private readonly int _length;
    private byte* _next;
    private ulong _bits;
    private int _count;

    public DeflateBitWriter(byte* start, int length)
    {
        _start = start;
        _next = start;
        _length = length;
        _bits = 0;
        _count = 0;
    }

    /// <summary>Bits that were written, modulo 8.</summary>
    public readonly int BitsInByte => _count & 7;

    /// <summary>Whether so many further bits have room.</summary>
    public readonly bool HasRoom(long bits) => (_next - _start) + ((bits + _count + 7) / 8) + Slack <= _length;

    /// <summary>Adds bits to those that wait; at most 63 may wait.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(uint value, int count)
    {
        Debug.Assert(_count + count < 64);
        _bits |= (ulong)value << _count;
        _count += count;
    }

    /// <summary>Writes all whole bytes that wait, which leaves at most 7 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Flush()
    {
        *(ulong*)_next = BitConverter.IsLittleEndian ? _bits : BinaryPrimitives.ReverseEndianness(_bits);
        _next += _count >> 3;
        _bits >>= _count & 0x38;
        _count &= 7;
    }

    /// <summary>Ends the byte that is begun.</summary>
    public void Align()
    {
        _count = (_count + 7) & ~7;
        Flush();
    }

    /// <summary>Copies whole bytes; the writer is aligned.</summary>
    public void Copy(byte* source, int count)
    {
        Debug.Assert(_count == 0);
        System.Buffer.MemoryCopy(source, _next, count, count);
        _next += count;
    }

    /// <summary>Ends the stream.</summary>
    /// <returns>Its length in bytes.</returns>
    public int Finish()
    {
        Align();
        return (int)(_next - _start);
    }
}
