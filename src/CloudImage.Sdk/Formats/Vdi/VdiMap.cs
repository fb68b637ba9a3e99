using System;
using System.Buffers.Binary;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vdi;

/// <summary>The block map of an opened image, read in pages as it is needed; a bounded number of pages is kept.</summary>
internal sealed class VdiMap
{
    public const int EntriesPerPage = 16384;

    // 128 pages of 64 KiB: 8 MiB, which map 2 TiB of blocks of 1 MiB.
    private readonly Page?[] _slots = new Page?[128];
    private readonly VirtualDisk _container;
    private readonly long _fileOffset;
    private readonly long _count;

    public VdiMap(VirtualDisk container, long fileOffset, long count)
    {
        _container = container;
        _fileOffset = fileOffset;
        _count = count;
    }

    /// <summary>The entries of the page that holds a block, when it is at hand.</summary>
    public uint[]? Find(long block)
    {
        long index = block / EntriesPerPage;
        Page? page = Volatile.Read(ref _slots[index % _slots.Length]);
        return page is not null && page.Index == index ? page.Entries : null;
    }

    /// <summary>Reads the page that holds a block. What the file lacks of it is unallocated.</summary>
    public async ValueTask<uint[]> LoadAsync(long block, IoMode mode, CancellationToken cancellationToken)
    {
        long index = block / EntriesPerPage;
        long first = index * EntriesPerPage;
        uint[] entries = new uint[(int)Math.Min(EntriesPerPage, _count - first)];
        byte[] bytes = new byte[entries.Length * sizeof(uint)];
        int read = await _container.ReadAsync(bytes, _fileOffset + (first * sizeof(uint)), mode, cancellationToken).ConfigureAwait(false);
        bytes.AsSpan(read).Fill(0xFF);
        for (int i = 0; i < entries.Length; i++)
        {
            entries[i] = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(i * sizeof(uint)));
        }

        Volatile.Write(ref _slots[index % _slots.Length], new Page(index, entries));
        return entries;
    }

    private sealed class Page
    {
        public Page(long index, uint[] entries)
        {
            Index = index;
            Entries = entries;
        }

        public long Index { get; }

        public uint[] Entries { get; }
    }
}
