using System;

namespace CloudImage.Sdk.Snapshots.Records;

/// <summary>What a generation of collection condemns, and whether its moves count.</summary>
internal sealed class CondemnedRecord
{
    private const int NamesMoves = 1;

    public required DateTimeOffset CreatedAt { get; init; }

    public required string Collector { get; init; }

    /// <summary>SHA-256 of the moves object that counts; empty where none does.</summary>
    public required ReadOnlyMemory<byte> MovesHash { get; init; }

    public required RefSet Refs { get; init; }

    public bool HasMoves => !MovesHash.IsEmpty;

    /// <exception cref="RepositoryCorruptException">The body is no condemnation's.</exception>
    public static CondemnedRecord Read(string name, ReadOnlyMemory<byte> body)
    {
        RecordReader reader = new(name, body.Span);
        DateTimeOffset createdAt = reader.Time();
        string collector = reader.Text();
        int flags = reader.Byte();
        byte[] hash = (flags & NamesMoves) != 0 ? reader.Bytes(32).ToArray() : [];
        RefSet refs = RefSet.Read(ref reader);
        reader.End();
        return (flags & ~NamesMoves) == 0
            ? new CondemnedRecord { CreatedAt = createdAt, Collector = collector, MovesHash = hash, Refs = refs }
            : throw new RepositoryCorruptException(name, 0, $"flags {flags} are not known.");
    }

    /// <summary>Layout: time i64, collector text, flags u8 (1: moves count), with flag 1 the SHA-256 of the moves object 32, refs.</summary>
    public ReadOnlyMemory<byte> ToBody()
    {
        RecordWriter writer = new();
        writer.Time(CreatedAt).Text(Collector).Byte(HasMoves ? NamesMoves : 0).Bytes(MovesHash.Span);
        Refs.Write(writer);
        return writer.Written;
    }
}
