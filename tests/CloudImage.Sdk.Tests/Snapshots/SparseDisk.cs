using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Tests.Snapshots;

/// <summary>A disk of any length with content in a few chunks: a number that chunks are made from, 0 for explicit zeros; the rest is of one kind.</summary>
internal sealed class SparseDisk(long length, IReadOnlyDictionary<long, int> chunks, DiskExtentKind rest) : VirtualDisk
{
    private const int ChunkSize = SnapshotTestData.ChunkSize;
    private readonly long[] _keys = [.. chunks.Keys.Order()];
    private long _readBytes;

    public long ReadBytes => Interlocked.Read(ref _readBytes);

    public IReadOnlyDictionary<long, int> Chunks => chunks;

    public override DiskInfo Info { get; } = new() { FormatName = "sparse", VirtualSize = length };

    public override long Length => length;

    public override bool IsLocal => true;

    protected override ValueTask<int> ReadCoreAsync(Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        Interlocked.Add(ref _readBytes, buffer.Length);
        Span<byte> left = buffer.Span;
        while (left.Length > 0)
        {
            int within = (int)(offset % ChunkSize);
            int count = Math.Min(left.Length, ChunkSize - within);
            if (chunks.GetValueOrDefault(offset / ChunkSize) is var seed and not 0)
            {
                byte[] content = new byte[ChunkSize];
                new Random(seed).NextBytes(content);
                content.AsSpan(within, count).CopyTo(left);
            }
            else
            {
                left[..count].Clear();
            }

            left = left[count..];
            offset += count;
        }

        return ValueTask.FromResult(buffer.Length);
    }

    protected override ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        long chunk = offset / ChunkSize;
        int index = Array.BinarySearch(_keys, chunk);
        if (index >= 0)
        {
            long end = (chunk + 1) * ChunkSize;
            DiskExtentKind kind = chunks[chunk] == 0 ? DiskExtentKind.Zero : DiskExtentKind.Data;
            return ValueTask.FromResult(new DiskPlacement(offset, Math.Min(length, end - offset), kind));
        }

        long next = ~index < _keys.Length ? _keys[~index] * ChunkSize : long.MaxValue;
        return ValueTask.FromResult(new DiskPlacement(offset, Math.Min(length, next - offset), rest));
    }
}
