using System;
using BenchmarkDotNet.Attributes;
using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Benchmarks.Disks;

/// <summary>Compares two equal disks of 64 MiB in memory.</summary>
[MemoryDiagnoser]
public class CompareBenchmarks
{
    private readonly MemoryDisk _left;
    private readonly MemoryDisk _right;

    public CompareBenchmarks()
    {
        byte[] content = new byte[64 << 20];
        new Random(1).NextBytes(content);
        _left = new MemoryDisk(content);
        _right = new MemoryDisk((byte[])content.Clone());
    }

    /// <summary>How many windows at once.</summary>
    [Params(1, 2)]
    public int Workers { get; set; } = 1;

    [Benchmark]
    public bool Compare() => DiskComparer.Compare(_left, _right, new DiskCompareOptions { WorkerCount = Workers }, null).AreEqual;
}
