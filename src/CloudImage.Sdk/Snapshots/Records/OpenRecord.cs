using System;

namespace CloudImage.Sdk.Snapshots.Records;

/// <summary>The start of a session: who writes, for which image, and the highest generation below which all are done.</summary>
internal sealed class OpenRecord
{
    public required string Writer { get; init; }

    /// <summary>The image in the form in which it stands in object names.</summary>
    public required string EncodedImage { get; init; }

    public required long Generation { get; init; }

    public required DateTimeOffset OpenedAt { get; init; }

    public static OpenRecord Read(string name, ReadOnlyMemory<byte> body)
    {
        RecordReader reader = new(name, body.Span);
        long generation = reader.Int64();
        long microseconds = reader.Int64();
        string writer = reader.Text();
        string image = reader.Text();
        reader.End();
        bool isValid = generation >= 0 && microseconds >= 0 && microseconds <= DateTimeOffset.MaxValue.UtcTicks / TimeSpan.TicksPerMicrosecond;
        return isValid
            ? new OpenRecord { Writer = writer, EncodedImage = image, Generation = generation, OpenedAt = new DateTimeOffset(microseconds * TimeSpan.TicksPerMicrosecond, TimeSpan.Zero) }
            : throw new RepositoryCorruptException(name, 0, "generation or time is impossible.");
    }

    /// <summary>Layout: generation i64, microseconds since year 1 i64, writer text, image text.</summary>
    public ReadOnlyMemory<byte> ToBody() =>
        new RecordWriter().Int64(Generation).Int64(OpenedAt.UtcTicks / TimeSpan.TicksPerMicrosecond).Text(Writer).Text(EncodedImage).Written;
}
