using System;

namespace CloudImage.Sdk.Snapshots.Records;

/// <summary>The one decision of a session: committed with a prep that is named by number and SHA-256, or aborted.</summary>
internal sealed class FateRecord
{
    public const int NonceLength = 16;
    private const int HashLength = 32;

    public required bool IsCommit { get; init; }

    public required int Prep { get; init; }

    /// <summary>SHA-256 of the prep object; 32 zero bytes in an abort.</summary>
    public required ReadOnlyMemory<byte> PrepHash { get; init; }

    /// <summary>16 random bytes by which a writer knows its own decision again.</summary>
    public required ReadOnlyMemory<byte> Nonce { get; init; }

    /// <summary>The decision that a session commits nothing.</summary>
    public static FateRecord Abort(ReadOnlyMemory<byte> nonce) => new() { IsCommit = false, Prep = 0, PrepHash = new byte[HashLength], Nonce = nonce };

    public static FateRecord Read(string name, ReadOnlyMemory<byte> body)
    {
        RecordReader reader = new(name, body.Span);
        int decision = reader.Byte();
        int prep = reader.UInt16();
        byte[] hash = reader.Bytes(HashLength).ToArray();
        byte[] nonce = reader.Bytes(NonceLength).ToArray();
        reader.End();
        return decision <= 1
            ? new FateRecord { IsCommit = decision == 1, Prep = prep, PrepHash = hash, Nonce = nonce }
            : throw new RepositoryCorruptException(name, 0, $"decision {decision} is neither abort nor commit.");
    }

    /// <summary>Layout: decision u8 (0 abort, 1 commit), prep u16, hash 32, nonce 16.</summary>
    public ReadOnlyMemory<byte> ToBody() =>
        new RecordWriter().Byte(IsCommit ? 1 : 0).UInt16(Prep).Bytes(PrepHash.Span).Bytes(Nonce.Span).Written;
}
