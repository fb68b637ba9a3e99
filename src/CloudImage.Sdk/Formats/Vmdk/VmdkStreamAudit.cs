using System;
using System.Buffers.Binary;
using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>Finds out whether a stream that was read from front to back was whole: counts grains against the tables that pass by.</summary>
internal sealed class VmdkStreamAudit
{
    private readonly VmdkHeader _header;
    private readonly bool _hasTablesInFront;
    private long _expected;
    private long _grains;
    private bool _hasDirectory;
    private bool _hasFooter;

    /// <summary>Begins an audit.</summary>
    /// <param name="header">The header.</param>
    /// <param name="front">Everything in front of the first grain: where VMware Workstation and qemu put directory and tables.</param>
    public VmdkStreamAudit(VmdkHeader header, ReadOnlySpan<byte> front)
    {
        _header = header;
        long directory = header.IsDirectoryAtEnd ? long.MaxValue : (long)Math.Min(header.DirectorySector, long.MaxValue / VmdkConstants.SectorSize) * VmdkConstants.SectorSize;
        long size = header.DirectoryCount <= int.MaxValue / sizeof(uint) ? header.DirectoryCount * sizeof(uint) : long.MaxValue;
        if (directory < front.Length && size <= front.Length - directory)
        {
            _hasTablesInFront = true;
            CountTables(front, front.Slice((int)directory, (int)size));
        }
    }

    public void AddGrain() => _grains++;

    public void Begin(VmdkMarkerType type, long fileOffset)
    {
        if (_hasFooter)
        {
            throw new DiskFormatException(VmdkConstants.FormatName, fileOffset, $"A marker of type {type} follows the footer; the end of the stream was expected.");
        }

        _hasDirectory |= type == VmdkMarkerType.GrainDirectory;
        _hasFooter |= type == VmdkMarkerType.Footer;
    }

    public void AddSector(VmdkMarkerType type, ReadOnlySpan<byte> sector, long fileOffset)
    {
        if (type == VmdkMarkerType.GrainTable && !_hasTablesInFront)
        {
            CountEntries(sector);
        }
        else if (type == VmdkMarkerType.Footer)
        {
            VmdkHeader footer = VmdkHeader.Parse(sector, fileOffset);
            if (footer.Capacity != _header.Capacity || footer.GrainSectors != _header.GrainSectors || footer.IsDirectoryAtEnd)
            {
                throw new DiskFormatException(VmdkConstants.FormatName, fileOffset, "The footer contradicts the header.");
            }
        }
    }

    public void EndOfStream(long fileOffset)
    {
        if (_header.IsDirectoryAtEnd && !(_hasDirectory && _hasFooter))
        {
            throw new DiskFormatException(VmdkConstants.FormatName, fileOffset, "The stream ends without the grain directory and the footer that its header promises.");
        }

        CheckCount(fileOffset);
    }

    /// <summary>The input ended without an end-of-stream marker, which qemu does not write.</summary>
    public void EndOfInput(long fileOffset, bool isOnSector)
    {
        if (!isOnSector || _header.IsDirectoryAtEnd || !(_hasTablesInFront || _hasDirectory))
        {
            throw new DiskFormatException(VmdkConstants.FormatName, fileOffset, "The stream is cut off: it ends without its end-of-stream marker.");
        }

        CheckCount(fileOffset);
    }

    private void CheckCount(long fileOffset)
    {
        // A redundant copy of the tables in the stream would count twice.
        if (_grains < _expected && (_hasTablesInFront || (_header.Flags & VmdkHeaderFlags.RedundantDirectory) == 0))
        {
            throw new DiskFormatException(VmdkConstants.FormatName, fileOffset, $"The stream is cut off: it has {_grains} grains, and its tables count {_expected}.");
        }
    }

    private void CountTables(ReadOnlySpan<byte> front, ReadOnlySpan<byte> directory)
    {
        int tableSize = (int)_header.TableEntries * sizeof(uint);
        for (int i = 0; i < directory.Length; i += sizeof(uint))
        {
            long table = BinaryPrimitives.ReadUInt32LittleEndian(directory[i..]) * (long)VmdkConstants.SectorSize;
            if (table > 0 && table <= front.Length - tableSize)
            {
                CountEntries(front.Slice((int)table, tableSize));
            }
        }
    }

    private void CountEntries(ReadOnlySpan<byte> entries)
    {
        for (int i = 0; i < entries.Length; i += sizeof(uint))
        {
            _expected += BinaryPrimitives.ReadUInt32LittleEndian(entries[i..]) > VmdkConstants.ZeroedGrain ? 1 : 0;
        }
    }
}
