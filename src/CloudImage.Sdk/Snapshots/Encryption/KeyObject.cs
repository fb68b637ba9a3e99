using System;
using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace CloudImage.Sdk.Snapshots.Encryption;

/// <summary>
/// An object of <c>k/</c>: a slot, <c>k/&lt;epoch&gt;/&lt;id&gt;</c>, or the mark <c>k/&lt;epoch&gt;/epoch</c> that decides which
/// master key the epoch has.
/// </summary>
/// <remarks>
/// Little-endian: magic "CIK0", 4 bytes of zeros, epoch (4), check of the master key (16), then three fields of 2 bytes of length and
/// content each (kind, holder, wrapped secret; all empty in a mark), and the SHA-256 of the object's name, a zero and all before it.
/// </remarks>
internal sealed class KeyObject
{
    internal const string Prefix = "k/";
    internal const string MarkId = "epoch";
    internal const int MaximumLength = FixedLength + 3 * 2 + 32 + 800 + KeyProvider.MaximumWrappedLength + ChecksumLength;

    private const uint Magic = 0x304B4943; // "CIK0"
    private const int FixedLength = 28;
    private const int ChecksumLength = 32;

    internal required uint Epoch { get; init; }

    internal required string Id { get; init; }

    internal required byte[] Check { get; init; }

    internal string Kind { get; init; } = string.Empty;

    internal string Holder { get; init; } = string.Empty;

    internal byte[] Wrapped { get; init; } = [];

    internal bool IsMark => Id == MarkId;

    internal string Name => GetName(Epoch, Id);

    internal static string GetName(uint epoch, string id) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{epoch:d6}/{id}");

    internal byte[] ToArray()
    {
        byte[] kind = Encoding.ASCII.GetBytes(Kind);
        byte[] holder = Encoding.UTF8.GetBytes(Holder);
        byte[] content = new byte[FixedLength + 6 + kind.Length + holder.Length + Wrapped.Length + ChecksumLength];
        BinaryPrimitives.WriteUInt32LittleEndian(content, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(8), Epoch);
        Check.CopyTo(content, 12);
        int position = FixedLength;
        foreach (byte[] field in new[] { kind, holder, Wrapped })
        {
            BinaryPrimitives.WriteUInt16LittleEndian(content.AsSpan(position), checked((ushort)field.Length));
            field.CopyTo(content, position + 2);
            position += 2 + field.Length;
        }

        ComputeChecksum(Name, content.AsSpan(0, position), content.AsSpan(position));
        return content;
    }

    /// <exception cref="RepositoryKeyException">The object is damaged, or stands under a name that is not its own.</exception>
    internal static KeyObject Parse(string name, ReadOnlySpan<byte> content)
    {
        Span<byte> checksum = stackalloc byte[ChecksumLength];
        if (content.Length < FixedLength + 6 + ChecksumLength || BinaryPrimitives.ReadUInt32LittleEndian(content) != Magic)
        {
            throw new RepositoryKeyException($"'{name}' is no key object.");
        }

        ComputeChecksum(name, content[..^ChecksumLength], checksum);
        if (!checksum.SequenceEqual(content[^ChecksumLength..]))
        {
            throw new RepositoryKeyException($"The checksum of '{name}' does not match its content and its name.");
        }

        ReadOnlySpan<byte> rest = content[FixedLength..^ChecksumLength];
        var key = new KeyObject
        {
            Epoch = BinaryPrimitives.ReadUInt32LittleEndian(content[8..]),
            Id = name[(name.LastIndexOf('/') + 1)..],
            Check = content.Slice(12, EpochKeys.CheckLength).ToArray(),
            Kind = Encoding.ASCII.GetString(TakeField(name, ref rest)),
            Holder = Encoding.UTF8.GetString(TakeField(name, ref rest)),
            Wrapped = TakeField(name, ref rest).ToArray(),
        };
        return BinaryPrimitives.ReadUInt32LittleEndian(content[4..]) == 0 && rest.IsEmpty && key.Name == name
            ? key
            : throw new RepositoryKeyException($"'{name}' is a key object of a version that this library does not know, or of another name.");
    }

    /// <summary>What a wrapped secret belongs to: the epoch and the check of its master key.</summary>
    internal byte[] GetContext()
    {
        byte[] context = new byte[18 + 4 + EpochKeys.CheckLength];
        "cloudimage epoch 0"u8.CopyTo(context);
        BinaryPrimitives.WriteUInt32LittleEndian(context.AsSpan(18), Epoch);
        Check.CopyTo(context, 22);
        return context;
    }

    private static ReadOnlySpan<byte> TakeField(string name, ref ReadOnlySpan<byte> rest)
    {
        int length = rest.Length < 2 ? int.MaxValue : BinaryPrimitives.ReadUInt16LittleEndian(rest);
        if (rest.Length - 2 < length)
        {
            throw new RepositoryKeyException($"'{name}' ends in the middle of a field.");
        }

        ReadOnlySpan<byte> field = rest.Slice(2, length);
        rest = rest[(2 + length)..];
        return field;
    }

    private static void ComputeChecksum(string name, ReadOnlySpan<byte> content, Span<byte> destination)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.ASCII.GetBytes(name));
        hash.AppendData([0]);
        hash.AppendData(content);
        hash.GetHashAndReset(destination);
    }
}
