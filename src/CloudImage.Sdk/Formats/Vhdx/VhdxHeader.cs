using System;
using System.Buffers.Binary;

namespace CloudImage.Sdk.Formats.Vhdx;

/// <summary>One of the two headers: ids, and where the log is. Little endian.</summary>
internal sealed class VhdxHeader
{
    public ulong SequenceNumber { get; init; }

    public Guid FileWriteId { get; init; }

    public Guid DataWriteId { get; init; }

    /// <summary>The id that valid log entries bear; empty where there is nothing to replay.</summary>
    public Guid LogId { get; init; }

    public ushort LogVersion { get; init; }

    public ushort Version { get; init; } = 1;

    public uint LogLength { get; init; }

    public ulong LogOffset { get; init; }

    /// <summary>Where the header lies: 64 KiB or 128 KiB.</summary>
    public long FileOffset { get; init; }

    /// <summary>Reads a header.</summary>
    /// <returns>The header; null where signature or checksum is wrong.</returns>
    public static VhdxHeader? Read(ReadOnlySpan<byte> source, long fileOffset)
    {
        if (BinaryPrimitives.ReadUInt32LittleEndian(source) != VhdxConstants.HeaderSignature
            || BinaryPrimitives.ReadUInt32LittleEndian(source[4..]) != VhdxConstants.Checksum(source[..VhdxConstants.HeaderLength]))
        {
            return null;
        }

        return new VhdxHeader
        {
            SequenceNumber = BinaryPrimitives.ReadUInt64LittleEndian(source[8..]),
            FileWriteId = new Guid(source.Slice(16, 16)),
            DataWriteId = new Guid(source.Slice(32, 16)),
            LogId = new Guid(source.Slice(48, 16)),
            LogVersion = BinaryPrimitives.ReadUInt16LittleEndian(source[64..]),
            Version = BinaryPrimitives.ReadUInt16LittleEndian(source[66..]),
            LogLength = BinaryPrimitives.ReadUInt32LittleEndian(source[68..]),
            LogOffset = BinaryPrimitives.ReadUInt64LittleEndian(source[72..]),
            FileOffset = fileOffset,
        };
    }

    /// <summary>The header that comes after this one, in the other place.</summary>
    public VhdxHeader Next(Guid fileWriteId, Guid dataWriteId, Guid logId) => new()
    {
        SequenceNumber = unchecked(SequenceNumber + 1),
        FileWriteId = fileWriteId,
        DataWriteId = dataWriteId,
        LogId = logId,
        LogVersion = LogVersion,
        Version = Version,
        LogLength = LogLength,
        LogOffset = LogOffset,
        FileOffset = FileOffset == VhdxConstants.Header1Offset ? VhdxConstants.Header2Offset : VhdxConstants.Header1Offset,
    };

    /// <summary>The bytes of the header, with their checksum.</summary>
    public byte[] ToArray()
    {
        byte[] bytes = new byte[VhdxConstants.HeaderLength];
        Span<byte> target = bytes;
        BinaryPrimitives.WriteUInt32LittleEndian(target, VhdxConstants.HeaderSignature);
        BinaryPrimitives.WriteUInt64LittleEndian(target[8..], SequenceNumber);
        FileWriteId.TryWriteBytes(target[16..]);
        DataWriteId.TryWriteBytes(target[32..]);
        LogId.TryWriteBytes(target[48..]);
        BinaryPrimitives.WriteUInt16LittleEndian(target[64..], LogVersion);
        BinaryPrimitives.WriteUInt16LittleEndian(target[66..], Version);
        BinaryPrimitives.WriteUInt32LittleEndian(target[68..], LogLength);
        BinaryPrimitives.WriteUInt64LittleEndian(target[72..], LogOffset);
        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], VhdxConstants.Checksum(target));
        return bytes;
    }
}
