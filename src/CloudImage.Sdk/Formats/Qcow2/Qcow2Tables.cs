using System;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>Reads tables of big-endian 64-bit numbers.</summary>
internal static class Qcow2Tables
{
    /// <summary>Reads a table that must lie in the container as a whole.</summary>
    public static async ValueTask<ulong[]> ReadAsync(VirtualDisk container, long fileOffset, long count, string what, DiskReadLimits limits, IoMode mode, CancellationToken cancellationToken)
    {
        long length = checked(count * 8);
        if (length > limits.MaxMetadataMemory)
        {
            throw new DiskFormatException(Qcow2Constants.FormatName, fileOffset, $"{what} has {length} bytes, more than DiskReadLimits.MaxMetadataMemory, {limits.MaxMetadataMemory}.");
        }

        if (fileOffset > container.Length || length > container.Length - fileOffset)
        {
            throw new DiskFormatException(Qcow2Constants.FormatName, fileOffset, $"{what}, {length} bytes, lies beyond the end of the image at {container.Length}.");
        }

        ulong[] table = GC.AllocateUninitializedArray<ulong>(checked((int)count));
        await ReadIntoAsync(container, fileOffset, table, 0, table.Length, mode, cancellationToken).ConfigureAwait(false);
        return table;
    }

    /// <summary>Reads a part of a table; what lies beyond the end of the container reads as zeros.</summary>
    public static async ValueTask ReadIntoAsync(VirtualDisk container, long fileOffset, ulong[] table, int index, int count, IoMode mode, CancellationToken cancellationToken)
    {
        using TableMemory memory = new(table, index, count);
        int read = await container.ReadAsync(memory.Memory, fileOffset, mode, cancellationToken).ConfigureAwait(false);
        memory.GetSpan()[read..].Clear();
        Span<ulong> entries = table.AsSpan(index, count);
        if (BitConverter.IsLittleEndian)
        {
            BinaryPrimitives.ReverseEndianness(entries, entries);
        }
    }

    /// <summary>The bytes of an array of numbers, as memory.</summary>
    private sealed class TableMemory(ulong[] table, int index, int count) : System.Buffers.MemoryManager<byte>
    {
        private GCHandle _handle;

        public override Span<byte> GetSpan() => MemoryMarshal.AsBytes(table.AsSpan(index, count));

        public override unsafe System.Buffers.MemoryHandle Pin(int elementIndex = 0)
        {
            _handle = GCHandle.Alloc(table, GCHandleType.Pinned);
            return new System.Buffers.MemoryHandle((byte*)_handle.AddrOfPinnedObject() + (index * 8L) + elementIndex, default, this);
        }

        public override void Unpin()
        {
            if (_handle.IsAllocated)
            {
                _handle.Free();
            }
        }

        protected override void Dispose(bool disposing) => Unpin();
    }
}
