using System;
using System.IO;
using System.Threading.Tasks;
using BenchmarkDotNet.Attributes;
using CloudImage.Sdk.Compression;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Snapshots;

namespace CloudImage.Sdk.Benchmarks.Snapshots;

/// <summary>Captures a disk of 64 MiB in memory into a folder: everything, nothing new, and one chunk with a change map.</summary>
[MemoryDiagnoser]
public class CaptureBenchmarks
{
    private const int Length = 64 << 20;
    private RepositoryFolder _folder = null!;
    private SnapshotRepository _repository = null!;
    private byte[] _content = [];
    private int _next;

    /// <summary>How chunks are compressed.</summary>
    [Params("lz4", "zstd")]
    public string Codec { get; set; } = "lz4";

    /// <summary>Whether the repository is encrypted.</summary>
    [Params(false, true)]
    public bool Encrypted { get; set; }

    [GlobalSetup]
    public async Task SetupAsync()
    {
        _folder = new RepositoryFolder(Encrypted);
        _content = RepositoryFolder.MakeDisk(Length);
        _repository = await _folder.CreateAsync("kept");
        await CaptureAsync(_repository, null);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _repository.Dispose();
        _folder.Dispose();
    }

    [Benchmark(Baseline = true)]
    public async Task<long> Everything()
    {
        string name = $"new-{_next++}";
        long stored;
        await using (SnapshotRepository repository = await _folder.CreateAsync(name))
        {
            stored = await CaptureAsync(repository, null);
        }

        Directory.Delete(Path.Combine(_folder.Path, name), true);
        return stored;
    }

    [Benchmark]
    public Task<long> Unchanged() => CaptureAsync(_repository, null);

    [Benchmark]
    public Task<long> OneChunkByChangeMap()
    {
        BitConverter.TryWriteBytes(_content.AsSpan(3 << 20), _next++);
        return CaptureAsync(_repository, new BlockMap([new DiskExtent(3 << 20, 4096, DiskExtentKind.Data)]));
    }

    private async Task<long> CaptureAsync(SnapshotRepository repository, BlockMap? changes)
    {
        CaptureOptions options = new() { Image = "disk", ChangeMap = changes, Codec = Codec == "zstd" ? ChunkCodec.Zstd : ChunkCodec.Lz4 };
        return (await repository.CaptureAsync(new MemoryDisk(_content), options, null)).StoredBytes;
    }
}
