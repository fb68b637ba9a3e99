using System;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using CloudImage.Sdk.Snapshots.Records;

namespace CloudImage.Sdk.Snapshots.Packs;

/// <summary>The name of a pack: session, who of its owners wrote it, and its number. 24 bytes where it is stored, and in memory, where indices hold many.</summary>
internal readonly struct PackId : IEquatable<PackId>, IComparable<PackId>
{
    public const int SizeInBytes = 24;

    private readonly ushort _owner;
    private readonly byte _kind;

    public PackId(PackKind kind, SessionId session, int owner, int sequence)
    {
        _kind = (byte)kind;
        Session = session;
        _owner = checked((ushort)owner);
        Sequence = sequence;
    }

    public PackKind Kind => (PackKind)_kind;

    public SessionId Session { get; }

    public int Owner => _owner;

    public int Sequence { get; }

    public static bool operator ==(PackId left, PackId right) => left.Equals(right);

    public static bool operator !=(PackId left, PackId right) => !left.Equals(right);

    /// <summary>Layout: session 16, sequence u32, owner u16, kind u8, zero u8.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out PackId id)
    {
        uint sequence = BinaryPrimitives.ReadUInt32LittleEndian(source[16..]);
        ushort owner = BinaryPrimitives.ReadUInt16LittleEndian(source[20..]);
        bool isValid = sequence <= ObjectNames.MaxPackSequence && source[22] <= 1 && source[23] == 0;
        id = isValid ? new PackId((PackKind)source[22], new SessionId(source), owner, (int)sequence) : default;
        return isValid;
    }

    /// <summary>Reads the object name of a pack.</summary>
    public static bool TryParse(ReadOnlySpan<char> name, out PackId id)
    {
        id = default;
        if (name.Length != 2 + SessionId.TextLength + 1 + 4 + 1 + 6 || name[1] != '/' || name[0] is not ('p' or 'm')
            || name[34] != '-' || name[39] != '-' || !SessionId.TryParse(name.Slice(2, SessionId.TextLength), out SessionId session)
            || !TryParseLowerHex(name.Slice(35, 4), out int owner) || !TryParseLowerHex(name.Slice(40, 6), out int sequence))
        {
            return false;
        }

        id = new PackId(name[0] == 'p' ? PackKind.Data : PackKind.Tree, session, owner, sequence);
        return true;
    }

    public void Write(Span<byte> destination)
    {
        Session.CopyTo(destination);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[16..], (uint)Sequence);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[20..], (ushort)Owner);
        destination[22] = (byte)Kind;
        destination[23] = 0;
    }

    public bool Equals(PackId other) => Session == other.Session && Sequence == other.Sequence && Owner == other.Owner && Kind == other.Kind;

    public override bool Equals([NotNullWhen(true)] object? obj) => obj is PackId other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(Session, Sequence, Owner, Kind);

    public int CompareTo(PackId other)
    {
        int order = Session.CompareTo(other.Session);
        order = order != 0 ? order : Kind.CompareTo(other.Kind);
        order = order != 0 ? order : Owner.CompareTo(other.Owner);
        return order != 0 ? order : Sequence.CompareTo(other.Sequence);
    }

    /// <summary>The object name.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{(Kind == PackKind.Data ? 'p' : 'm')}/{Session}-{Owner:x4}-{Sequence:x6}");

    private static bool TryParseLowerHex(ReadOnlySpan<char> text, out int value)
    {
        value = 0;
        return !text.ContainsAnyInRange('A', 'F') && int.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }
}
