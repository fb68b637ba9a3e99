using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using BenchmarkDotNet.Attributes;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Raw;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Benchmarks.Formats;

/// <summary>Converts a disk of 64 MiB, half of it data that compresses by half, from raw to each format and back.</summary>
[MemoryDiagnoser]
public class ConvertBenchmarks
{
    private const int Length = 64 << 20;
    private string _folder = string.Empty;

    /// <summary>The format on the other side.</summary>
    [ParamsSource(nameof(Formats))]
    public string Format { get; set; } = "raw";

    public static IEnumerable<string> Formats => DiskFormatRegistry.Default.Formats.Where(static format => format.CanCreate).Select(static format => format.Name);

    private string Raw => Path.Combine(_folder, "disk.raw");

    private string Image => Path.Combine(_folder, "disk.image");

    [GlobalSetup]
    public void Setup()
    {
        _folder = Directory.CreateTempSubdirectory("cloudimage-benchmark-").FullName;
        Random random = new(1);
        byte[] block = new byte[1 << 20];
        using (DiskWriter writer = DiskImage.Create(Raw, Length, new RawOptions(), WriteDurability.None))
        {
            for (int offset = 0; offset < Length; offset += 2 * block.Length)
            {
                random.NextBytes(block.AsSpan(0, block.Length / 2));
                block.AsSpan(block.Length / 2).Fill((byte)offset);
                writer.Write(block, offset);
            }

            writer.Complete();
        }

        Convert(Raw, "raw", Image, Format);
    }

    [GlobalCleanup]
    public void Cleanup() => Directory.Delete(_folder, true);

    [Benchmark]
    public void FromRaw() => Convert(Raw, "raw", Path.Combine(_folder, "copy"), Format);

    [Benchmark]
    public void ToRaw() => Convert(Image, Format, Path.Combine(_folder, "copy"), "raw");

    [Benchmark]
    public async Task ToRawAsynchronously()
    {
        await using VirtualDisk source = await DiskImage.OpenAsync(Image, Named(Format));
        await using DiskWriter writer = DiskImage.Create(Path.Combine(_folder, "copy"), source.Length, new RawOptions(), WriteDurability.None);
        await source.CopyToAsync(writer, DiskCopyOptions.Default, null);
        await writer.CompleteAsync();
    }

    [Benchmark]
    public int InspectHeaders() => DiskImage.Inspect(Image, DiskOpenOptions.Default).Concerns.Count;

    private static void Convert(string from, string fromFormat, string to, string toFormat)
    {
        using VirtualDisk source = DiskImage.Open(from, Named(fromFormat));
        DiskCreateOptions options = DiskFormatRegistry.Default.Find(toFormat)!.ParseOptions(new Dictionary<string, string>());
        using DiskWriter writer = DiskImage.Create(to, source.Length, options, WriteDurability.None);
        source.CopyTo(writer, DiskCopyOptions.Default, null);
        writer.Complete();
    }

    private static DiskOpenOptions Named(string format) => new() { Format = DiskFormatRegistry.Default.Find(format) };
}
