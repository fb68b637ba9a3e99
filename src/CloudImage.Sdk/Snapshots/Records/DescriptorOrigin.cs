using System;

namespace CloudImage.Sdk.Snapshots.Records;

/// <summary>In the descriptor of a copy, what the snapshot was where it was captured: its identity, its descriptor and the signature over it.</summary>
internal sealed class DescriptorOrigin
{
    public required SnapshotIdentity Identity { get; init; }

    /// <summary>The plain descriptor of the original.</summary>
    public required ReadOnlyMemory<byte> Descriptor { get; init; }

    /// <summary>The stored signature over it; empty where there was none.</summary>
    public required ReadOnlyMemory<byte> Signature { get; init; }

    public static DescriptorOrigin Read(ref RecordReader reader) => new()
    {
        Identity = new SnapshotIdentity(reader.Session(), reader.Session()),
        Descriptor = reader.Block().ToArray(),
        Signature = reader.Block().ToArray(),
    };

    public void Write(RecordWriter writer) =>
        writer.Session(Identity.Repository).Session(Identity.Session).Block(Descriptor.Span).Block(Signature.Span);
}
