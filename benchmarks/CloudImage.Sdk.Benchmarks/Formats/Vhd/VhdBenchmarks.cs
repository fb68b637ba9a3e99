using System;
using BenchmarkDotNet.Attributes;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Vhd;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Benchmarks.Formats.Vhd;

/// <summary>Reading the map of a fragmented disk, reading through it, and writing an image in memory.</summary>
[MemoryDiagnoser]
public class VhdBenchmarks
{
    private const int ContentLength = 64 << 20;
    private const int PieceLength = 1 << 20;
    private readonly byte[] _buffer = new byte[PieceLength];
    private byte[] _content = [];
    private byte[] _image = [];
    private VirtualDisk? _fragmented;
    private VirtualDisk? _disk;

    [GlobalSetup]
    public void SetUp()
    {
        _content = new byte[ContentLength];
        new Random(1).NextBytes(_content);
        _image = Write();
        _disk = VhdFormat.Instance.Open(new MemoryDisk(_image), DiskOpenOptions.Default);
        _fragmented = VhdFormat.Instance.Open(new MemoryDisk(WriteFragmented()), DiskOpenOptions.Default);
    }

    /// <summary>Every second block of a large disk is stored.</summary>
    [Benchmark]
    public long MapOfFragmentedDisk()
    {
        long sum = 0;
        foreach (DiskExtent extent in _fragmented!.GetExtents(0, _fragmented.Length))
        {
            sum += extent.Length;
        }

        return sum;
    }

    [Benchmark]
    public int ReadAll()
    {
        int sum = 0;
        for (long offset = 0; offset < ContentLength; offset += PieceLength)
        {
            sum += _disk!.Read(_buffer, offset);
        }

        return sum;
    }

    [Benchmark]
    public byte[] Write()
    {
        MemoryImageSink sink = new();
        using DiskWriter writer = VhdFormat.Instance.Create(sink, ContentLength, new VhdOptions());
        for (int offset = 0; offset < ContentLength; offset += PieceLength)
        {
            writer.Write(_content.AsSpan(offset, PieceLength), offset);
        }

        writer.Complete();
        return sink.ToArray();
    }

    private static byte[] WriteFragmented()
    {
        MemoryImageSink sink = new();
        using DiskWriter writer = VhdFormat.Instance.Create(sink, 1L << 30, new VhdOptions { BlockSize = 512 << 10 });
        byte[] piece = [1];
        for (long offset = 0; offset < writer.Length; offset += 2L * (512 << 10))
        {
            writer.Write(piece, offset);
        }

        writer.Complete();
        return sink.ToArray();
    }
}
