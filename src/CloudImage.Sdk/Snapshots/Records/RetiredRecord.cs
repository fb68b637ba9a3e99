using System;
using CloudImage.Sdk.Snapshots.Signing;

namespace CloudImage.Sdk.Snapshots.Records;

/// <summary>That a snapshot was given up: when, by whom, why, and perhaps a signature over that.</summary>
internal sealed class RetiredRecord
{
    public required DateTimeOffset Time { get; init; }

    public required string Writer { get; init; }

    public required string Reason { get; init; }

    /// <summary>A stored signature over <see cref="ToSigned"/>; empty where none was asked for.</summary>
    public ReadOnlyMemory<byte> Signature { get; init; }

    public static RetiredRecord Read(string name, ReadOnlyMemory<byte> body)
    {
        RecordReader reader = new(name, body.Span);
        RetiredRecord retired = new() { Time = reader.Time(), Writer = reader.Text(), Reason = reader.Text(), Signature = reader.Block().ToArray() };
        reader.End();
        return retired;
    }

    /// <summary>Layout: microseconds since year 1 i64, writer text, reason text, block of the signature.</summary>
    public ReadOnlyMemory<byte> ToBody() => new RecordWriter().Time(Time).Text(Writer).Text(Reason).Block(Signature.Span).Written;

    /// <summary>What a signature is made over.</summary>
    public ReadOnlyMemory<byte> ToSigned(SessionId session) =>
        new RecordWriter().Bytes("cloudimage retired 0"u8).Session(session).Time(Time).Text(Writer).Text(Reason).Written;

    /// <summary>The same with a signature over it.</summary>
    public RetiredRecord Sign(SessionId session, SnapshotSigner signer) => new()
    {
        Time = Time,
        Writer = Writer,
        Reason = Reason,
        Signature = StoredSignature.Make(signer, ToSigned(session).Span).ToArray(),
    };
}
