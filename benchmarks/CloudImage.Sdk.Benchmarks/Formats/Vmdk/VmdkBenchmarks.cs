using System;
using BenchmarkDotNet.Attributes;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Vmdk;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Benchmarks.Formats.Vmdk;

/// <summary>Writing an image in memory and reading through it: half noise, half text.</summary>
[MemoryDiagnoser]
public class VmdkBenchmarks
{
    private const int ContentLength = 32 << 20;
    private const int PieceLength = 1 << 20;
    private readonly byte[] _buffer = new byte[PieceLength];
    private byte[] _content = [];
    private VirtualDisk? _disk;

    [Params(VmdkSubformat.MonolithicSparse, VmdkSubformat.StreamOptimized)]
    public VmdkSubformat Subformat { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        _content = new byte[ContentLength];
        Random random = new(1);
        for (int at = 0; at < ContentLength; at += 8192)
        {
            random.NextBytes(_content.AsSpan(at, 4096));
            for (int i = at + 4096; i < at + 8192; i++)
            {
                _content[i] = (byte)('a' + (random.Next(1 + (i % 8))));
            }
        }

        _disk = VmdkFormat.Instance.Open(new MemoryDisk(Write()), DiskOpenOptions.Default);
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
        using DiskWriter writer = VmdkFormat.Instance.Create(sink, ContentLength, new VmdkOptions { Subformat = Subformat });
        for (int offset = 0; offset < ContentLength; offset += PieceLength)
        {
            writer.Write(_content.AsSpan(offset, PieceLength), offset);
        }

        writer.Complete();
        return sink.ToArray();
    }

    [GlobalCleanup]
    public void CleanUp() => _disk?.Dispose();
}
