using System.IO;
using System.Threading.Tasks;
using BenchmarkDotNet.Attributes;
using CloudImage.Sdk.Compression;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats.Raw;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;

namespace CloudImage.Sdk.Benchmarks.Snapshots;

/// <summary>Restores a snapshot of 64 MiB: as a new raw file, in place where nothing differs, and a range of 1 MiB.</summary>
[MemoryDiagnoser]
public class RestoreBenchmarks
{
    private const int Length = 64 << 20;
    private RepositoryFolder _folder = null!;
    private SnapshotRepository _repository = null!;
    private string _id = string.Empty;

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
        _repository = await _folder.CreateAsync("kept");
        CaptureOptions options = new() { Image = "disk", Codec = Codec == "zstd" ? ChunkCodec.Zstd : ChunkCodec.Lz4 };
        byte[] content = RepositoryFolder.MakeDisk(Length);
        _id = (await _repository.CaptureAsync(new MemoryDisk(content), options, null)).Id;
        await File.WriteAllBytesAsync(Path.Combine(_folder.Path, "present.raw"), content);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _repository.Dispose();
        _folder.Dispose();
    }

    [Benchmark(Baseline = true)]
    public Task AsRawFile() => WriteAsync(0, Length);

    [Benchmark]
    public Task RangeAsRawFile() => WriteAsync(21 << 20, 1 << 20);

    [Benchmark]
    public Task<long> InPlaceWithoutDifference() => _repository.RestoreInPlaceAsync(_id, Path.Combine(_folder.Path, "present.raw"), null);

    private async Task WriteAsync(long offset, long length)
    {
        await using SnapshotDisk disk = await _repository.OpenDiskAsync(_id);
        await using VirtualDisk range = disk.Slice(offset, length);
        await using DiskWriter writer = DiskImage.Create(Path.Combine(_folder.Path, "restored.raw"), length, new RawOptions(), WriteDurability.None);
        await range.CopyToAsync(writer, DiskCopyOptions.Default, null);
        await writer.CompleteAsync();
    }
}
