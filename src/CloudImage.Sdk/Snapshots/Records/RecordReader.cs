using System;
using System.Buffers.Binary;
using System.Text;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots.Packs;

namespace CloudImage.Sdk.Snapshots.Records;

/// <summary>Takes the fields of a stored structure one after the other; what does not fit is reported with its place.</summary>
internal ref struct RecordReader
{
    private readonly string _name;
    private readonly ReadOnlySpan<byte> _source;
    private int _position;

    public RecordReader(string name, ReadOnlySpan<byte> source)
    {
        _name = name;
        _source = source;
    }

    public readonly int Position => _position;

    public readonly int Remaining => _source.Length - _position;

    public int Byte() => Take(1)[0];

    public int UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2));

    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    public long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Take(8));

    /// <summary>Microseconds since 0001-01-01T00:00:00 UTC.</summary>
    public DateTimeOffset Time()
    {
        long microseconds = Int64();
        return microseconds >= 0 && microseconds <= DateTimeOffset.MaxValue.UtcTicks / TimeSpan.TicksPerMicrosecond
            ? new DateTimeOffset(microseconds * TimeSpan.TicksPerMicrosecond, TimeSpan.Zero)
            : throw Corrupt("a time is impossible.");
    }

    public ReadOnlySpan<byte> Bytes(int count) => Take(count);

    public SessionId Session() => new(Take(SessionId.SizeInBytes));

    public ContentDigest Digest() => new(Take(ContentDigest.SizeInBytes));

    public PackId Pack() =>
        PackId.TryRead(Take(PackId.SizeInBytes), out PackId id) ? id : throw Corrupt("the name of a pack holds impossible numbers.");

    public string Text()
    {
        ReadOnlySpan<byte> bytes = Take(UInt16());
        try
        {
            return s_strict.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw Corrupt("a text is not UTF-8.");
        }
    }

    public ReadOnlySpan<byte> Block()
    {
        uint length = UInt32();
        return length <= Remaining ? Take((int)length) : throw Corrupt($"a block of {length} bytes is announced and {Remaining} bytes are left.");
    }

    public readonly void End()
    {
        if (Remaining != 0)
        {
            throw Corrupt($"{Remaining} bytes follow the last field.");
        }
    }

    public readonly RepositoryCorruptException Corrupt(string message) => new(_name, _position, message);

    private static readonly UTF8Encoding s_strict = new(false, true);

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > Remaining)
        {
            throw Corrupt($"{count} bytes were expected and {Remaining} are left.");
        }

        ReadOnlySpan<byte> taken = _source.Slice(_position, count);
        _position += count;
        return taken;
    }
}
