using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Tests.Support;

/// <summary>A disk in memory with a map of its own, which can also pretend to be far away.</summary>
public sealed class TestDisk : VirtualDisk
{
    private readonly byte[] _content;
    private readonly BlockMap _map;
    private readonly bool _isLocal;

    /// <param name="content">What it holds.</param>
    /// <param name="map">Its extents, covering it; what is not data must be zero in the content.</param>
    /// <param name="isLocal">Whether reads are synchronous; otherwise each one yields first.</param>
    public TestDisk(byte[] content, BlockMap map, bool isLocal)
    {
        _content = content;
        _map = map;
        _isLocal = isLocal;
        Info = new DiskInfo { FormatName = "raw", VirtualSize = content.Length };
    }

    public TestDisk(byte[] content)
        : this(content, new BlockMap([new DiskExtent(0, content.Length, DiskExtentKind.Data)]), true)
    {
    }

    public override DiskInfo Info { get; }

    public override long Length => _content.Length;

    public override bool IsLocal => _isLocal;

    /// <summary>How many bytes were read so far.</summary>
    public long BytesRead => Interlocked.Read(ref _bytesRead);

    /// <summary>Called before each read; may throw.</summary>
    public Action<long>? OnRead { get; set; }

    private long _bytesRead;

    /// <summary>Makes a disk of random extents: data of random bytes, data of zeros, zeros, unmapped.</summary>
    public static TestDisk Random(int seed, int length, int granularity, bool isLocal)
    {
        Random random = new(seed);
        byte[] content = new byte[length];
        List<DiskExtent> extents = [];
        for (long offset = 0; offset < length;)
        {
            long size = Math.Min(length - offset, (1 + random.Next(8)) * (long)granularity);
            int what = random.Next(5);
            DiskExtentKind kind = what switch { 0 => DiskExtentKind.Zero, 1 => DiskExtentKind.Unmapped, _ => DiskExtentKind.Data };
            if (what > 2)
            {
                random.NextBytes(content.AsSpan((int)offset, (int)size));
            }
            else if (what == 2)
            {
                content[offset + random.Next((int)size)] = 1;
            }

            extents.Add(new DiskExtent(offset, size, kind));
            offset += size;
        }

        return new TestDisk(content, new BlockMap(extents), isLocal);
    }

    /// <summary>A copy of the content.</summary>
    public byte[] ToArray() => [.. _content];

    protected override async ValueTask<int> ReadCoreAsync(Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        OnRead?.Invoke(offset);
        if (mode == IoMode.Asynchronous)
        {
            await Task.Yield();
            cancellationToken.ThrowIfCancellationRequested();
        }

        _content.AsMemory((int)offset, buffer.Length).CopyTo(buffer);
        Interlocked.Add(ref _bytesRead, buffer.Length);
        return buffer.Length;
    }

    protected override ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        DiskExtent extent = _map.Slice(offset, length).First();
        return ValueTask.FromResult(new DiskPlacement(extent.Offset, extent.Length, extent.Kind));
    }
}
