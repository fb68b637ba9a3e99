using System;
using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots.Packs;

namespace CloudImage.Sdk.Snapshots.Records;

/// <summary>Puts the fields of a stored structure one behind the other, little-endian.</summary>
internal sealed class RecordWriter
{
    private readonly ArrayBufferWriter<byte> _buffer = new();

    public ReadOnlyMemory<byte> Written => _buffer.WrittenMemory;

    public int Length => _buffer.WrittenCount;

    public RecordWriter Byte(int value)
    {
        Span<byte> span = _buffer.GetSpan(1);
        span[0] = checked((byte)value);
        _buffer.Advance(1);
        return this;
    }

    public RecordWriter UInt16(int value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(_buffer.GetSpan(2), checked((ushort)value));
        _buffer.Advance(2);
        return this;
    }

    public RecordWriter UInt32(long value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_buffer.GetSpan(4), checked((uint)value));
        _buffer.Advance(4);
        return this;
    }

    public RecordWriter Int64(long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(_buffer.GetSpan(8), value);
        _buffer.Advance(8);
        return this;
    }

    /// <summary>Microseconds since 0001-01-01T00:00:00 UTC.</summary>
    public RecordWriter Time(DateTimeOffset value) => Int64(value.UtcTicks / TimeSpan.TicksPerMicrosecond);

    public RecordWriter Bytes(ReadOnlySpan<byte> value)
    {
        _buffer.Write(value);
        return this;
    }

    public RecordWriter Session(SessionId value)
    {
        value.CopyTo(_buffer.GetSpan(SessionId.SizeInBytes));
        _buffer.Advance(SessionId.SizeInBytes);
        return this;
    }

    public RecordWriter Pack(PackId value)
    {
        value.Write(_buffer.GetSpan(PackId.SizeInBytes));
        _buffer.Advance(PackId.SizeInBytes);
        return this;
    }

    public RecordWriter Digest(ContentDigest value)
    {
        value.CopyTo(_buffer.GetSpan(ContentDigest.SizeInBytes));
        _buffer.Advance(ContentDigest.SizeInBytes);
        return this;
    }

    /// <summary>A length of two bytes, then UTF-8.</summary>
    public RecordWriter Text(string value)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(value);
        return UInt16(bytes.Length).Bytes(bytes);
    }

    /// <summary>A length of four bytes, then the bytes.</summary>
    public RecordWriter Block(ReadOnlySpan<byte> value) => UInt32(value.Length).Bytes(value);
}
