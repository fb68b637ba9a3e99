using System;
using System.Buffers.Binary;
using System.Text;
using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Formats.Vdi;

/// <summary>The header of a VDI: 64 bytes of text, signature, version, then the fields of version 1.1. Little-endian, 512 bytes with its padding.</summary>
internal readonly struct VdiHeader
{
    public const int Size = 512;
    private const uint FieldsSize = 0x180;
    private const int MapOffsetAt = 0x154;
    private const int DataOffsetAt = 0x158;
    private const int LengthAt = 0x170;
    private const int BlockSizeAt = 0x178;
    private const int BlockExtraAt = 0x17C;
    private const int BlockCountAt = 0x180;
    private const int AllocatedAt = 0x184;

    public string Creator { get; init; }

    public uint Type { get; init; }

    public uint MapOffset { get; init; }

    public uint DataOffset { get; init; }

    public ulong DiskSize { get; init; }

    public uint BlockSize { get; init; }

    /// <summary>Bytes of other use in front of every block's content.</summary>
    public uint BlockExtra { get; init; }

    public uint BlockCount { get; init; }

    public uint AllocatedCount { get; init; }

    public Guid Id { get; init; }

    /// <summary>Changes whenever the content does.</summary>
    public Guid ModificationId { get; init; }

    public Guid ParentId { get; init; }

    public Guid ParentModificationId { get; init; }

    /// <summary>Length of the disk in bytes: whole sectors, as every reader rounds odd sizes up.</summary>
    public long Length => ((long)DiskSize + VdiConstants.SectorSize - 1) / VdiConstants.SectorSize * VdiConstants.SectorSize;

    /// <summary>Distance of two blocks in the file.</summary>
    public long BlockPitch => (long)BlockSize + BlockExtra;

    public bool HasParent => Type is VdiConstants.TypeDifferencing or VdiConstants.TypeUndo;

    public static bool HasSignature(ReadOnlySpan<byte> bytes) =>
        bytes.Length >= VdiConstants.SignatureOffset + 4 && BinaryPrimitives.ReadUInt32LittleEndian(bytes[VdiConstants.SignatureOffset..]) == VdiConstants.Signature;

    /// <summary>Reads and validates a header.</summary>
    /// <exception cref="DiskFormatException">A field is impossible.</exception>
    public static VdiHeader Parse(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < Size || !HasSignature(bytes))
        {
            throw Invalid(VdiConstants.SignatureOffset, "There is no VDI header (signature 0xBEDA107F, 512 bytes).");
        }

        uint version = BinaryPrimitives.ReadUInt32LittleEndian(bytes[0x44..]);
        if (version != 0x00010001)
        {
            throw new UnsupportedDiskFeatureException(VdiConstants.FormatName, 0x44, $"version-{version >> 16}.{version & 0xffff}", $"The image has version {version >> 16}.{version & 0xffff}; 1.1 is known.");
        }

        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes[0x48..]) is var headerSize && headerSize < FieldsSize - 0x48)
        {
            throw Invalid(0x48, $"The header has {headerSize} bytes; at least {FieldsSize - 0x48} were expected.");
        }

        VdiHeader header = new()
        {
            Creator = ReadText(bytes[..VdiConstants.SignatureOffset]),
            Type = BinaryPrimitives.ReadUInt32LittleEndian(bytes[0x4C..]),
            MapOffset = BinaryPrimitives.ReadUInt32LittleEndian(bytes[MapOffsetAt..]),
            DataOffset = BinaryPrimitives.ReadUInt32LittleEndian(bytes[DataOffsetAt..]),
            DiskSize = BinaryPrimitives.ReadUInt64LittleEndian(bytes[LengthAt..]),
            BlockSize = BinaryPrimitives.ReadUInt32LittleEndian(bytes[BlockSizeAt..]),
            BlockExtra = BinaryPrimitives.ReadUInt32LittleEndian(bytes[BlockExtraAt..]),
            BlockCount = BinaryPrimitives.ReadUInt32LittleEndian(bytes[BlockCountAt..]),
            AllocatedCount = BinaryPrimitives.ReadUInt32LittleEndian(bytes[AllocatedAt..]),
            Id = new Guid(bytes.Slice(0x188, 16)),
            ModificationId = new Guid(bytes.Slice(0x198, 16)),
            ParentId = new Guid(bytes.Slice(0x1A8, 16)),
            ParentModificationId = new Guid(bytes.Slice(0x1B8, 16)),
        };
        header.Validate(BinaryPrimitives.ReadUInt32LittleEndian(bytes[0x168..]));
        return header;
    }

    /// <summary>Writes a whole new header.</summary>
    public void WriteTo(Span<byte> bytes)
    {
        bytes[..Size].Clear();
        Encoding.ASCII.GetBytes(Creator, bytes[..VdiConstants.SignatureOffset]);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[VdiConstants.SignatureOffset..], VdiConstants.Signature);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[0x44..], 0x00010001);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[0x48..], FieldsSize);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[0x4C..], Type);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[0x168..], VdiConstants.SectorSize);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[BlockSizeAt..], BlockSize);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[BlockExtraAt..], BlockExtra);
        WriteLayoutTo(bytes);
        Id.TryWriteBytes(bytes.Slice(0x188, 16));
        ModificationId.TryWriteBytes(bytes.Slice(0x198, 16));
        ParentId.TryWriteBytes(bytes.Slice(0x1A8, 16));
        ParentModificationId.TryWriteBytes(bytes.Slice(0x1B8, 16));
    }

    /// <summary>Writes what resizing changes into an existing header, whose other fields stay.</summary>
    public void WriteLayoutTo(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[MapOffsetAt..], MapOffset);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[DataOffsetAt..], DataOffset);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[LengthAt..], DiskSize);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[BlockCountAt..], BlockCount);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[AllocatedAt..], AllocatedCount);
    }

    private static string ReadText(ReadOnlySpan<byte> bytes)
    {
        int end = bytes.IndexOfAny((byte)0, (byte)'\n');
        string text = Encoding.Latin1.GetString(end < 0 ? bytes : bytes[..end]).Trim(' ', '<', '>');
        return string.Create(text.Length, text, static (span, source) =>
        {
            for (int i = 0; i < span.Length; i++)
            {
                span[i] = char.IsControl(source[i]) ? '\ufffd' : source[i];
            }
        });
    }

    private void Validate(uint sectorSize)
    {
        if (Type is < VdiConstants.TypeDynamic or > VdiConstants.TypeDifferencing)
        {
            throw new UnsupportedDiskFeatureException(VdiConstants.FormatName, 0x4C, $"type-{Type}", $"The image has type {Type}; 1 (dynamic), 2 (static), 3 (undo) and 4 (differencing) are known.");
        }

        if (sectorSize != VdiConstants.SectorSize)
        {
            throw new UnsupportedDiskFeatureException(VdiConstants.FormatName, 0x168, $"sector-{sectorSize}", $"The sector has {sectorSize} bytes; 512 are known.");
        }

        if (BlockSize is 0 or > VdiConstants.MaxBlockSize || BlockSize % VdiConstants.SectorSize != 0)
        {
            throw Invalid(BlockSizeAt, $"The block has {BlockSize} bytes; a multiple of 512 up to 1 GiB was expected.");
        }

        if (BlockExtra > VdiConstants.MaxBlockSize)
        {
            throw Invalid(BlockExtraAt, $"The block has {BlockExtra} extra bytes; at most 1 GiB were expected.");
        }

        if (DiskSize > long.MaxValue - VdiConstants.SectorSize || DiskSize > (ulong)BlockCount * BlockSize)
        {
            throw Invalid(LengthAt, $"The disk has {DiskSize} bytes; its {BlockCount} blocks of {BlockSize} hold less.");
        }

        if (MapOffset < Size || DataOffset < Size)
        {
            throw Invalid(MapOffsetAt, $"The map at {MapOffset} or the data at {DataOffset} lies within the header.");
        }

        if (MapOffset < DataOffset && MapOffset + (BlockCount * (long)sizeof(uint)) > DataOffset)
        {
            throw Invalid(MapOffsetAt, $"The map of {BlockCount} entries at {MapOffset} runs into the data at {DataOffset}.");
        }
    }

    private static DiskFormatException Invalid(long fileOffset, string message) => new(VdiConstants.FormatName, fileOffset, message);
}
