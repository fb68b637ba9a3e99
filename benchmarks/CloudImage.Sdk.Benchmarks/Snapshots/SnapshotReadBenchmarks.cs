using System;
using System.Threading.Tasks;
using BenchmarkDotNet.Attributes;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Snapshots;

namespace CloudImage.Sdk.Benchmarks.Snapshots;

/// <summary>Reads 4 KiB at random from a snapshot: within a range that fits the cache in memory, and with nothing cached.</summary>
/// <remarks>The range is 128 MiB less one chunk, so that none is ever let go. Cold, each read fetches, decodes and verifies a chunk.</remarks>
[MemoryDiagnoser]
[MedianColumn]
public class SnapshotReadBenchmarks
{
    private const int Length = 256 << 20;
    private const int WarmLength = (128 << 20) - (256 << 10);
    private readonly byte[] _buffer = new byte[4096];
    private readonly Random _random = new(2);
    private RepositoryFolder _folder = null!;
    private SnapshotRepository _repository = null!;
    private SnapshotDisk _warm = null!;
    private SnapshotDisk _cold = null!;

    /// <summary>Whether the repository is encrypted.</summary>
    [Params(false, true)]
    public bool Encrypted { get; set; }

    [GlobalSetup]
    public async Task SetupAsync()
    {
        _folder = new RepositoryFolder(Encrypted);
        _repository = await _folder.CreateAsync("kept");
        byte[] content = new byte[Length];
        for (int at = 0; at < Length; at += 8192)
        {
            _random.NextBytes(content.AsSpan(at, 4096));
        }

        string id = (await _repository.CaptureAsync(new MemoryDisk(content), new CaptureOptions { Image = "disk" }, null)).Id;
        _warm = await _repository.OpenDiskAsync(id);
        _cold = await _repository.OpenDiskAsync(id, new SnapshotDiskOptions { CacheSize = 0, ReadAheadChunks = 0 });
        for (int offset = 0; offset < WarmLength; offset += 4096)
        {
            await _warm.ReadAsync(_buffer, offset);
        }
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _warm.Dispose();
        _cold.Dispose();
        _repository.Dispose();
        _folder.Dispose();
    }

    [Benchmark(Baseline = true)]
    public int Warm() => _warm.Read(_buffer, Next(WarmLength));

    [Benchmark]
    public ValueTask<int> WarmAsync() => _warm.ReadAsync(_buffer, Next(WarmLength));

    [Benchmark]
    public int Cold() => _cold.Read(_buffer, Next(Length));

    private long Next(int length) => _random.Next(length / 4096) * 4096L;
}
