using System;
using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>Changes the length of a sparse VMDK of one file in place.</summary>
/// <remarks>
/// The header's one sector holds capacity, both directories' places and the descriptor's: writing it is the step from
/// the old disk to the new one. New tables, directories and a copy of the descriptor are written behind everything
/// first; the descriptor then moves back to sector 1, again by writing the header, while the copy keeps the disk whole.
/// </remarks>
internal sealed class VmdkResizer
{
    private const int TableSize = VmdkConstants.TableEntries * sizeof(uint);
    private readonly ImageEditor _image;
    private readonly DiskResizeOptions _options;
    private readonly byte[] _sector = new byte[VmdkHeader.Size];
    private readonly uint[] _directory;
    private readonly uint[] _redundant;
    private VmdkHeader _header;

    private VmdkResizer(ImageEditor image, DiskResizeOptions options)
    {
        _image = image;
        _options = options;
        int read = image.Read(_sector, 0);
        if (!VmdkHeader.HasMagic(_sector.AsSpan(0, read)))
        {
            throw new InvalidOperationException("The file is no sparse VMDK of its own. Of VMDK only the variant monolithicSparse can be resized in place: convert the image instead.");
        }

        _header = VmdkHeader.Parse(_sector.AsSpan(0, read), 0);
        if (_header.IsCompressed || _header.IsDirectoryAtEnd || _header.TableEntries != VmdkConstants.TableEntries)
        {
            throw new InvalidOperationException("A streamOptimized VMDK is written once and cannot be resized in place: convert it instead.");
        }

        _directory = ReadDirectory(_header.DirectorySector);
        _redundant = HasTwin ? ReadDirectory(_header.RedundantDirectorySector) : [];
    }

    private bool HasTwin => (_header.Flags & VmdkHeaderFlags.RedundantDirectory) != 0;

    public static void Resize(ImageEditor image, long length, DiskResizeOptions options)
    {
        VmdkResizer resizer = new(image, options);
        length = checked(length + VmdkConstants.SectorSize - 1) / VmdkConstants.SectorSize * VmdkConstants.SectorSize;
        if (length > options.Limits.MaxVirtualSize)
        {
            throw new ArgumentOutOfRangeException(nameof(length), $"The new length {length} is beyond the limit of {options.Limits.MaxVirtualSize} bytes (DiskReadLimits.MaxVirtualSize).");
        }

        if (length > resizer._header.Length)
        {
            resizer.Grow(length);
        }
        else if (length < resizer._header.Length)
        {
            resizer.Shrink(length);
        }
    }

    private void Grow(long length)
    {
        ClearBehindEnd();
        VmdkHeader header = With(_header, length);
        long count = header.DirectoryCount;
        if (count > _options.Limits.MaxMetadataMemory / (2 * sizeof(uint)))
        {
            throw new ArgumentOutOfRangeException(nameof(length), $"The grain directory would have {count} entries, more than DiskReadLimits.MaxMetadataMemory allows.");
        }

        long end = RoundUp(_image.Length, _header.GrainSize);
        if (count > _directory.Length)
        {
            (ulong redundant, end) = HasTwin ? AppendTables(_redundant, count, end) : (_header.RedundantDirectorySector, end);
            (ulong directory, end) = AppendTables(_directory, count, end);
            header = With(header, directory, redundant);
        }

        Switch(header, end);
    }

    private void Shrink(long length)
    {
        if (!_options.AllowDataLoss)
        {
            ThrowIfDataBehind(length);
        }

        VmdkHeader header = With(_header, length);
        uint[] kept = _directory[..(int)header.DirectoryCount];
        Switch(header, RoundUp(_image.Length, VmdkConstants.SectorSize));
        ClearEntriesBehind(kept);
        if (HasTwin)
        {
            ClearEntriesBehind(_redundant[..kept.Length]);
        }

        ClearBehindEnd();
        CutFile(kept);
    }

    /// <summary>Writes the new header, with the descriptor out of harm's way while its own sectors are rewritten.</summary>
    private void Switch(VmdkHeader header, long end)
    {
        byte[]? text = RewriteDescriptor(header);
        if (text is not null)
        {
            _image.SetLength(end + text.Length);
            _image.Write(text, end);
        }
        else
        {
            _image.SetLength(Math.Max(end, _image.Length));
        }

        _image.Flush();
        ulong place = _header.DescriptorSector;
        ulong sectors = _header.DescriptorSectors;
        WriteHeader(text is null ? header : WithDescriptor(header, (ulong)end / VmdkConstants.SectorSize, (ulong)text.Length / VmdkConstants.SectorSize));
        if (text is not null)
        {
            _image.Write(text, (long)place * VmdkConstants.SectorSize);
            _image.Flush();
            WriteHeader(WithDescriptor(header, place, sectors));
            _image.SetLength(end);
            _image.Flush();
        }
    }

    private void WriteHeader(VmdkHeader header)
    {
        header.WriteTo(_sector);
        _image.Write(_sector, 0);
        _image.Flush();
        _header = header;
    }

    /// <summary>Appends tables for the entries that a directory lacks, then the longer directory.</summary>
    private (ulong DirectorySector, long End) AppendTables(uint[] old, long count, long end)
    {
        long tables = end;
        long directory = tables + ((count - old.Length) * TableSize);
        long newEnd = RoundUp(directory + (count * sizeof(uint)), _header.GrainSize);
        if (newEnd / VmdkConstants.SectorSize > uint.MaxValue)
        {
            throw new InvalidOperationException("The tables would lie beyond the 2 TiB that the sectors of a sparse VMDK reach. Convert the image to twoGbMaxExtentSparse.");
        }

        // The tables are zeros, which a longer file gives; only the directory is written.
        _image.SetLength(newEnd);
        byte[] bytes = new byte[count * sizeof(uint)];
        for (long i = 0; i < count; i++)
        {
            uint sector = i < old.Length ? old[i] : (uint)((tables + ((i - old.Length) * TableSize)) / VmdkConstants.SectorSize);
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan((int)(i * sizeof(uint))), sector);
        }

        _image.Write(bytes, directory);
        return ((ulong)(directory / VmdkConstants.SectorSize), newEnd);
    }

    /// <summary>The descriptor with the new number of sectors, padded to the sectors kept for it; null where there is none.</summary>
    private byte[]? RewriteDescriptor(VmdkHeader header)
    {
        if (_header.DescriptorSector == 0 || _header.DescriptorSectors == 0)
        {
            return null;
        }

        if (_header.DescriptorSectors > (ulong)_options.Limits.MaxTextLength / VmdkConstants.SectorSize || _header.DescriptorSector > (ulong)_image.Length / VmdkConstants.SectorSize)
        {
            throw new DiskFormatException(VmdkConstants.FormatName, 28, "The descriptor lies outside the file, or is longer than DiskReadLimits.MaxTextLength.");
        }

        byte[] bytes = new byte[(int)_header.DescriptorSectors * VmdkConstants.SectorSize];
        _image.Read(bytes, (long)_header.DescriptorSector * VmdkConstants.SectorSize);
        int textEnd = bytes.AsSpan().IndexOf((byte)0);

        // Latin-1 keeps every byte as it is, whatever the encoding.
        string text = Encoding.Latin1.GetString(textEnd < 0 ? bytes : bytes.AsSpan(0, textEnd));
        string[] lines = text.Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            lines[i] = RewriteLine(lines[i], (long)header.Capacity);
        }

        byte[] result = new byte[bytes.Length];
        text = string.Join('\n', lines);
        if (text.Length > result.Length)
        {
            throw new InvalidOperationException("The descriptor with the new length does not fit into its sectors. Convert the image to a new one.");
        }

        Encoding.Latin1.GetBytes(text, result);
        return result;
    }

    private static string RewriteLine(string line, long sectors)
    {
        const string Cylinders = "ddb.geometry.cylinders";
        string[] words = line.Split(' ', 3);
        if (words.Length == 3 && words[0] is "RW" or "RDONLY" && words[2].StartsWith("SPARSE", StringComparison.Ordinal))
        {
            return string.Create(CultureInfo.InvariantCulture, $"{words[0]} {sectors} {words[2]}");
        }

        // Every guest of today takes the sector count; the cylinders are kept plausible for one of 16 heads and 63 sectors.
        return line.StartsWith(Cylinders, StringComparison.Ordinal)
            ? string.Create(CultureInfo.InvariantCulture, $"{Cylinders} = \"{Math.Min(sectors / (16 * 63), 16383)}\"{(line.EndsWith('\r') ? "\r" : string.Empty)}")
            : line;
    }

    private uint[] ReadDirectory(ulong sector)
    {
        long count = _header.DirectoryCount;
        long fileOffset = sector <= (ulong)_image.Length / VmdkConstants.SectorSize ? (long)sector * VmdkConstants.SectorSize : long.MaxValue;
        if (sector == 0 || count > _options.Limits.MaxMetadataMemory / (2 * sizeof(uint)) || count * sizeof(uint) > _image.Length || fileOffset > _image.Length - (count * sizeof(uint)))
        {
            throw new DiskFormatException(VmdkConstants.FormatName, 56, $"The grain directory of {count} entries lies outside the file or above DiskReadLimits.MaxMetadataMemory: a damaged image is not resized.");
        }

        byte[] bytes = new byte[count * sizeof(uint)];
        _image.Read(bytes, fileOffset);
        uint[] entries = new uint[count];
        for (int i = 0; i < entries.Length; i++)
        {
            entries[i] = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(i * sizeof(uint)));
            if (entries[i] != 0 && (entries[i] * (long)VmdkConstants.SectorSize) + TableSize > _image.Length)
            {
                throw new DiskFormatException(VmdkConstants.FormatName, fileOffset + ((long)i * sizeof(uint)), "A grain directory entry points outside the file: a damaged image is not resized.");
            }
        }

        return entries;
    }

    private uint[] ReadTable(uint sector)
    {
        byte[] bytes = new byte[TableSize];
        _image.Read(bytes, sector * (long)VmdkConstants.SectorSize);
        uint[] entries = new uint[VmdkConstants.TableEntries];
        for (int i = 0; i < entries.Length; i++)
        {
            entries[i] = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(i * sizeof(uint)));
        }

        return entries;
    }

    /// <summary>Clears what the last table and the last grain hold behind the end of the disk, where growing would show it.</summary>
    private void ClearBehindEnd()
    {
        ClearEntriesBehind(_directory);
        if (HasTwin)
        {
            ClearEntriesBehind(_redundant);
        }

        long within = _header.Length % _header.GrainSize;
        long grain = _header.Length / _header.GrainSize;
        long table = grain / VmdkConstants.TableEntries;
        if (within == 0 || table >= _directory.Length || _directory[table] == 0)
        {
            return;
        }

        uint sector = ReadTable(_directory[table])[grain % VmdkConstants.TableEntries];
        if (sector > VmdkConstants.ZeroedGrain)
        {
            WriteZeroes((sector * (long)VmdkConstants.SectorSize) + within, _header.GrainSize - within);
        }
    }

    private void ClearEntriesBehind(uint[] directory)
    {
        long first = (_header.Length + _header.GrainSize - 1) / _header.GrainSize;
        long table = first / VmdkConstants.TableEntries;
        int within = (int)(first % VmdkConstants.TableEntries);
        if (within != 0 && table < directory.Length && directory[table] != 0)
        {
            WriteZeroes((directory[table] * (long)VmdkConstants.SectorSize) + (within * sizeof(uint)), (VmdkConstants.TableEntries - within) * sizeof(uint));
        }
    }

    private void WriteZeroes(long fileOffset, long length)
    {
        byte[] zeroes = new byte[(int)Math.Min(length, 65536)];
        for (long done = 0; done < length;)
        {
            int count = (int)Math.Min(zeroes.Length, length - done);
            _image.Write(zeroes.AsSpan(0, count), fileOffset + done);
            done += count;
        }
    }

    /// <summary>Cuts the file behind the last thing that is in use. Grains of the lost tail that lie before it stay as unused space.</summary>
    private void CutFile(uint[] directory)
    {
        long end = Math.Max(
            (long)_header.OverheadSectors * VmdkConstants.SectorSize,
            Math.Max((long)_header.DirectorySector, HasTwin ? (long)_header.RedundantDirectorySector : 0) * VmdkConstants.SectorSize + (_header.DirectoryCount * sizeof(uint)));
        end = Math.Max(end, (long)(_header.DescriptorSector + _header.DescriptorSectors) * VmdkConstants.SectorSize);
        for (int i = 0; i < directory.Length; i++)
        {
            if (directory[i] == 0)
            {
                continue;
            }

            end = Math.Max(end, (directory[i] * (long)VmdkConstants.SectorSize) + TableSize);
            end = HasTwin && _redundant[i] != 0 ? Math.Max(end, (_redundant[i] * (long)VmdkConstants.SectorSize) + TableSize) : end;
            foreach (uint sector in ReadTable(directory[i]))
            {
                end = sector > VmdkConstants.ZeroedGrain ? Math.Max(end, (sector * (long)VmdkConstants.SectorSize) + _header.GrainSize) : end;
            }
        }

        if (end < _image.Length)
        {
            _image.SetLength(end);
            _image.Flush();
        }
    }

    private void ThrowIfDataBehind(long length)
    {
        byte[] buffer = new byte[65536];
        for (long grain = length / _header.GrainSize; grain * _header.GrainSize < _header.Length;)
        {
            long table = grain / VmdkConstants.TableEntries;
            uint[] entries = _directory[table] == 0 ? [] : ReadTable(_directory[table]);
            for (int i = (int)(grain % VmdkConstants.TableEntries); i < entries.Length; i++)
            {
                long start = ((table * VmdkConstants.TableEntries) + i) * _header.GrainSize;
                long from = Math.Max(0, length - start);
                long end = Math.Min(_header.GrainSize, _header.Length - start);
                if (entries[i] > VmdkConstants.ZeroedGrain && HasData(entries[i] * (long)VmdkConstants.SectorSize, from, end, buffer))
                {
                    throw new InvalidOperationException($"The disk holds data behind {length}, at {start + from} or later. Set DiskResizeOptions.AllowDataLoss to cut it off.");
                }
            }

            grain = (table + 1) * VmdkConstants.TableEntries;
        }
    }

    private bool HasData(long fileOffset, long from, long end, byte[] buffer)
    {
        for (long at = from; at < end;)
        {
            Span<byte> piece = buffer.AsSpan(0, (int)Math.Min(buffer.Length, end - at));
            int read = _image.Read(piece, fileOffset + at);
            if (piece[..read].ContainsAnyExcept((byte)0))
            {
                return true;
            }

            at += piece.Length;
        }

        return false;
    }

    private static long RoundUp(long value, long unit) => (value + unit - 1) / unit * unit;

    private static VmdkHeader With(VmdkHeader header, long length) => header with { Capacity = (ulong)(length / VmdkConstants.SectorSize) };

    private static VmdkHeader With(VmdkHeader header, ulong directory, ulong redundant) =>
        header with { DirectorySector = directory, RedundantDirectorySector = redundant };

    private static VmdkHeader WithDescriptor(VmdkHeader header, ulong sector, ulong sectors) =>
        header with { DescriptorSector = sector, DescriptorSectors = sectors };
}
