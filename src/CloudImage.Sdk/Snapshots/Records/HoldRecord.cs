using System;

namespace CloudImage.Sdk.Snapshots.Records;

/// <summary>The body of a pin, a legal hold's or a reader's, and without a reason that of its release.</summary>
internal sealed class HoldRecord
{
    public required DateTimeOffset Time { get; init; }

    public required string Writer { get; init; }

    public required string Reason { get; init; }

    public static HoldRecord Read(string name, ReadOnlyMemory<byte> body)
    {
        RecordReader reader = new(name, body.Span);
        HoldRecord hold = new() { Time = reader.Time(), Writer = reader.Text(), Reason = reader.Text() };
        reader.End();
        return hold;
    }

    /// <summary>Layout: microseconds since year 1 i64, writer text, reason text.</summary>
    public ReadOnlyMemory<byte> ToBody() => new RecordWriter().Time(Time).Text(Writer).Text(Reason).Written;
}
