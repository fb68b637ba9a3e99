using System;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace CloudImage.Sdk.Snapshots.Records;

/// <summary>
/// The envelope of every small object: magic, kind, version, length, body, and a SHA-256 that covers the object's name
/// too, so that two objects that changed places are found.
/// </summary>
internal static class RecordFile
{
    public const int HeaderLength = 12;
    public const int ChecksumLength = 32;
    public const int MaxBodyLength = 1 << 30;
    private const uint Magic = 0x30524943; // "CIR0"

    public static byte[] Seal(string name, RecordKind kind, ReadOnlySpan<byte> body)
    {
        byte[] content = new byte[HeaderLength + body.Length + ChecksumLength];
        BinaryPrimitives.WriteUInt32LittleEndian(content, Magic);
        content[4] = (byte)kind;
        BinaryPrimitives.WriteInt32LittleEndian(content.AsSpan(8), body.Length);
        body.CopyTo(content.AsSpan(HeaderLength));
        Checksum(name, content.AsSpan(0, HeaderLength + body.Length), content.AsSpan(HeaderLength + body.Length));
        return content;
    }

    /// <summary>Checks the envelope and gives the body.</summary>
    /// <exception cref="RepositoryCorruptException">The object is not the record that its name says.</exception>
    public static ReadOnlyMemory<byte> Open(string name, RecordKind kind, ReadOnlyMemory<byte> content)
    {
        ReadOnlySpan<byte> span = content.Span;
        if (span.Length < HeaderLength + ChecksumLength || BinaryPrimitives.ReadUInt32LittleEndian(span) != Magic)
        {
            throw new RepositoryCorruptException(name, 0, "this is no record.");
        }

        Span<byte> checksum = stackalloc byte[ChecksumLength];
        Checksum(name, span[..^ChecksumLength], checksum);
        if (!checksum.SequenceEqual(span[^ChecksumLength..]))
        {
            throw new RepositoryCorruptException(name, span.Length - ChecksumLength, "the checksum does not match the content and the name.");
        }

        if (span[4] != (byte)kind || span[5] != 0 || span[6] != 0 || span[7] != 0
            || BinaryPrimitives.ReadInt32LittleEndian(span[8..]) != span.Length - HeaderLength - ChecksumLength)
        {
            throw new RepositoryCorruptException(name, 4, $"a record of kind {kind}, version 0, was expected.");
        }

        return content[HeaderLength..^ChecksumLength];
    }

    private static void Checksum(string name, ReadOnlySpan<byte> content, Span<byte> destination)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(name));
        hash.AppendData([0]);
        hash.AppendData(content);
        hash.GetHashAndReset(destination);
    }
}
