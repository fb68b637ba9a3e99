using System;

namespace CloudImage.Sdk.Snapshots.Records;

/// <summary>A session's declaration: every pack that its snapshot refers to, and, once it is known, the descriptor.</summary>
internal sealed class PrepRecord
{
    public required RefSet Refs { get; init; }

    /// <summary>The descriptor as it is stored (sealed in an encrypted repository); empty in a first declaration.</summary>
    public required ReadOnlyMemory<byte> Descriptor { get; init; }

    /// <summary>A signature over the plain descriptor; empty where none was asked for.</summary>
    public ReadOnlyMemory<byte> Signature { get; init; }

    public static PrepRecord Read(string name, ReadOnlyMemory<byte> body)
    {
        RecordReader reader = new(name, body.Span);
        byte[] descriptor = reader.Block().ToArray();
        byte[] signature = reader.Block().ToArray();
        RefSet refs = RefSet.Read(ref reader);
        reader.End();
        return new PrepRecord { Refs = refs, Descriptor = descriptor, Signature = signature };
    }

    /// <summary>Layout: block of the descriptor, block of the signature, refs.</summary>
    public ReadOnlyMemory<byte> ToBody()
    {
        RecordWriter writer = new();
        writer.Block(Descriptor.Span).Block(Signature.Span);
        Refs.Write(writer);
        return writer.Written;
    }
}
