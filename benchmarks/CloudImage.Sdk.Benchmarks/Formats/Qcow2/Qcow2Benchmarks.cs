using System;
using System.Linq;
using BenchmarkDotNet.Attributes;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Qcow2;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Benchmarks.Formats.Qcow2;

/// <summary>Reading an image in pieces of 4 KiB and 1 MiB, mapping one with every other cluster in use, and writing one, all in memory.</summary>
[MemoryDiagnoser]
public class Qcow2Benchmarks
{
    private const int Length = 32 << 20;
    private readonly byte[] _content = new byte[Length];
    private readonly byte[] _buffer = new byte[1 << 20];
    private VirtualDisk _disk = null!;
    private VirtualDisk _fragmented = null!;

    /// <summary>How the clusters are stored.</summary>
    [Params(Qcow2Compression.None, Qcow2Compression.Zlib, Qcow2Compression.Zstd)]
    public Qcow2Compression Compression { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        Random random = new(1);
        for (int index = 0; index < _content.Length; index++)
        {
            _content[index] = (byte)(random.Next() & random.Next() & 31);
        }

        _disk = Qcow2Format.Instance.Open(new MemoryDisk(Write()), DiskOpenOptions.Default);
        MemoryImageSink sink = new();
        using DiskWriter writer = Qcow2Format.Instance.Create(sink, 16L << 30, new Qcow2Options { ClusterSize = 4096 });
        for (long offset = 0; offset < 256 << 20; offset += 8192)
        {
            writer.Write(_content.AsSpan(0, 16), offset);
        }

        writer.Complete();
        _fragmented = Qcow2Format.Instance.Open(new MemoryDisk(sink.ToArray()), DiskOpenOptions.Default);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _disk.Dispose();
        _fragmented.Dispose();
    }

    [Benchmark]
    public void ReadInPiecesOf4KiB() => Read(4096);

    [Benchmark]
    public void ReadInPiecesOf1MiB() => Read(1 << 20);

    [Benchmark]
    public int MapFragmented() => _fragmented.GetExtents(0, _fragmented.Length).Count();

    [Benchmark]
    public byte[] Write()
    {
        MemoryImageSink sink = new();
        using DiskWriter writer = Qcow2Format.Instance.Create(sink, Length, new Qcow2Options { Compression = Compression });
        writer.Write(_content, 0);
        writer.Complete();
        return sink.ToArray();
    }

    private void Read(int count)
    {
        for (long offset = 0; offset < Length; offset += count)
        {
            _disk.Read(_buffer.AsSpan(0, count), offset);
        }
    }
}
