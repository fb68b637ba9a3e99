using System;

namespace CloudImage.Sdk.Snapshots.Records;

/// <summary>The end of a generation: all that its sweep names is deleted.</summary>
internal sealed class DoneRecord
{
    public required DateTimeOffset EndedAt { get; init; }

    public required string Collector { get; init; }

    /// <summary>Packs that the sweep names.</summary>
    public required long Packs { get; init; }

    /// <exception cref="RepositoryCorruptException">The body is no end's.</exception>
    public static DoneRecord Read(string name, ReadOnlyMemory<byte> body)
    {
        RecordReader reader = new(name, body.Span);
        DoneRecord done = new() { EndedAt = reader.Time(), Collector = reader.Text(), Packs = reader.Int64() };
        reader.End();
        return done;
    }

    /// <summary>Layout: time i64, collector text, number of packs i64.</summary>
    public ReadOnlyMemory<byte> ToBody() => new RecordWriter().Time(EndedAt).Text(Collector).Int64(Packs).Written;
}
