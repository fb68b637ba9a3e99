using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vhdx;

/// <summary>Changes pages of the metadata of an existing image through its log, so that a crash leaves all of a change or none.</summary>
/// <remarks>
/// The order of one change: entry into the log, flush; for the first entry the header that names the log, flush; pages
/// in place, flush. An entry is applied before the next is written, so each is its own tail; it is written behind the
/// one before it, which stays whole and valid until the new one is.
/// </remarks>
internal sealed class VhdxLogWriter
{
    /// <summary>Pages that one change may have: what fits into the descriptors of one sector.</summary>
    public const int MaxPages = 126;

    private const int SectorSize = VhdxConstants.LogSectorSize;
    private readonly ImageEditor _editor;
    private readonly Guid _logId = Guid.NewGuid();
    private VhdxHeader _header;
    private ulong _sequenceNumber;
    private int _position;

    /// <summary>Begins to change a file: gives it a new file write id, as each session of writing must before anything else.</summary>
    /// <param name="editor">The file; its log is empty.</param>
    /// <param name="header">The current header.</param>
    public VhdxLogWriter(ImageEditor editor, VhdxHeader header)
    {
        if (header.LogLength < VhdxConstants.MiB || (long)header.LogOffset > editor.Length - header.LogLength)
        {
            throw new InvalidOperationException($"The image has no log in its file ({header.LogLength} bytes at {header.LogOffset}) through which it could be changed safely. Convert it to a new one.");
        }

        _editor = editor;
        _header = header;
        WriteHeaders(Guid.NewGuid(), header.DataWriteId, Guid.Empty);
    }

    /// <summary>Makes one change.</summary>
    /// <param name="pages">Positions, multiples of 4 KiB, and the new bytes there.</param>
    /// <param name="dataWriteId">The new id of the content with the first change; later ones keep it.</param>
    public void Commit(IReadOnlyList<(long FileOffset, byte[] Page)> pages, Guid dataWriteId)
    {
        byte[] entry = MakeEntry(pages);
        WriteToRing(entry);
        _editor.Flush();
        if (_header.LogId != _logId)
        {
            WriteHeader(_header.Next(_header.FileWriteId, dataWriteId, _logId));
        }

        foreach ((long fileOffset, byte[] page) in pages)
        {
            _editor.Write(page, fileOffset);
        }

        _editor.Flush();
        _position = (int)((_position + entry.Length) % _header.LogLength);
    }

    /// <summary>Declares the log empty. Nothing may be outstanding.</summary>
    public void Close()
    {
        if (_header.LogId != Guid.Empty)
        {
            WriteHeaders(_header.FileWriteId, _header.DataWriteId, Guid.Empty);
        }
    }

    private byte[] MakeEntry(IReadOnlyList<(long FileOffset, byte[] Page)> pages)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(pages.Count, MaxPages);
        byte[] entry = new byte[SectorSize * (1 + pages.Count)];
        Span<byte> target = entry;
        ulong sequenceNumber = ++_sequenceNumber;
        BinaryPrimitives.WriteUInt32LittleEndian(target, VhdxConstants.LogEntrySignature);
        BinaryPrimitives.WriteInt32LittleEndian(target[8..], entry.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(target[12..], (uint)_position);
        BinaryPrimitives.WriteUInt64LittleEndian(target[16..], sequenceNumber);
        BinaryPrimitives.WriteUInt32LittleEndian(target[24..], (uint)pages.Count);
        _logId.TryWriteBytes(target[32..]);
        BinaryPrimitives.WriteUInt64LittleEndian(target[48..], (ulong)_editor.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(target[56..], (ulong)_editor.Length);
        for (int index = 0; index < pages.Count; index++)
        {
            (long fileOffset, byte[] page) = pages[index];
            Span<byte> descriptor = target.Slice(64 + (index * 32), 32);
            BinaryPrimitives.WriteUInt32LittleEndian(descriptor, VhdxConstants.LogDescriptorSignature);
            page.AsSpan(SectorSize - 4).CopyTo(descriptor[4..]);
            page.AsSpan(0, 8).CopyTo(descriptor[8..]);
            BinaryPrimitives.WriteUInt64LittleEndian(descriptor[16..], (ulong)fileOffset);
            BinaryPrimitives.WriteUInt64LittleEndian(descriptor[24..], sequenceNumber);

            Span<byte> data = target.Slice(SectorSize * (1 + index), SectorSize);
            page.CopyTo(data);
            BinaryPrimitives.WriteUInt32LittleEndian(data, VhdxConstants.LogDataSignature);
            BinaryPrimitives.WriteUInt32LittleEndian(data[4..], (uint)(sequenceNumber >> 32));
            BinaryPrimitives.WriteUInt32LittleEndian(data[(SectorSize - 4)..], (uint)sequenceNumber);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], VhdxConstants.Checksum(target));
        return entry;
    }

    private void WriteToRing(byte[] entry)
    {
        int first = (int)Math.Min(entry.Length, _header.LogLength - _position);
        _editor.Write(entry.AsSpan(0, first), (long)_header.LogOffset + _position);
        if (first < entry.Length)
        {
            _editor.Write(entry.AsSpan(first), (long)_header.LogOffset);
        }
    }

    // Twice, so that the file can be opened although one of the two is lost.
    private void WriteHeaders(Guid fileWriteId, Guid dataWriteId, Guid logId)
    {
        WriteHeader(_header.Next(fileWriteId, dataWriteId, logId));
        WriteHeader(_header.Next(fileWriteId, dataWriteId, logId));
    }

    private void WriteHeader(VhdxHeader header)
    {
        _editor.Write(header.ToArray(), header.FileOffset);
        _editor.Flush();
        _header = header;
    }
}
