using System;
using System.IO;
using System.Threading.Tasks;
using BenchmarkDotNet.Attributes;
using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Benchmarks.Disks;

/// <summary>Reads 4 KiB at a time through each door of a local file, of memory and of two layers.</summary>
[MemoryDiagnoser]
public class ReadBenchmarks
{
    private const int Length = 16 << 20;
    private readonly byte[] _buffer = new byte[4096];
    private string _path = string.Empty;
    private VirtualDisk _disk = null!;
    private Stream _stream = null!;
    private long _offset;

    /// <summary>What is read.</summary>
    [Params("file", "memory", "layers")]
    public string Kind { get; set; } = "file";

    [GlobalSetup]
    public void Setup()
    {
        byte[] content = new byte[Length];
        new Random(1).NextBytes(content);
        _path = Path.Combine(Path.GetTempPath(), $"cloudimage-benchmark-{Environment.ProcessId}.raw");
        File.WriteAllBytes(_path, content);
        _disk = Kind switch
        {
            "file" => FileDisk.Open(_path),
            "memory" => new MemoryDisk(content),
            _ => new LayeredDisk([new MemoryDisk(content), FileDisk.Open(_path)]),
        };
        _stream = _disk.AsStream();
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _disk.Dispose();
        File.Delete(_path);
    }

    [Benchmark(Baseline = true)]
    public int Read() => _disk.Read(_buffer, Next());

    [Benchmark]
    public ValueTask<int> ReadAsync() => _disk.ReadAsync(_buffer, Next());

    [Benchmark]
    public int ReadStream()
    {
        _stream.Position = Next();
        return _stream.Read(_buffer);
    }

    private long Next() => _offset = (_offset + 40_960) % (Length - 4096);
}
