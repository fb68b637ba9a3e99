using System;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.IO;
using Xunit;

namespace CloudImage.Sdk.Tests.Support;

/// <summary>Images in memory, made and read whole.</summary>
public static class ImageBytes
{
    /// <summary>Makes an image with the content of a disk.</summary>
    public static byte[] Of(VirtualDisk source, DiskCreateOptions options, VirtualDisk? parent = null)
    {
        MemoryImageSink sink = new();
        using DiskWriter writer = options.Format.Create(sink, source.Length, options);
        source.CopyTo(writer, new DiskCopyOptions { WorkerCount = 1, Parent = parent }, null);
        writer.Complete();
        return sink.ToArray();
    }

    /// <summary>Makes an image and writes to it by hand.</summary>
    public static byte[] Of(long length, DiskCreateOptions options, Action<DiskWriter> write)
    {
        MemoryImageSink sink = new();
        using DiskWriter writer = options.Format.Create(sink, length, options);
        write(writer);
        writer.Complete();
        return sink.ToArray();
    }

    /// <summary>Reads a disk whole.</summary>
    public static byte[] Read(VirtualDisk disk)
    {
        byte[] content = new byte[disk.Length];
        Assert.Equal(content.Length, disk.Read(content, 0));
        return content;
    }

    /// <summary>Reads the disk in an image whole.</summary>
    public static byte[] Read(DiskFormat format, byte[] image, DiskOpenOptions? options = null)
    {
        using VirtualDisk disk = format.Open(new MemoryDisk(image), options ?? DiskOpenOptions.Default);
        return Read(disk);
    }

    /// <summary>Bytes that are the same for a seed.</summary>
    public static byte[] Random(int seed, int length)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>Fails at the first difference.</summary>
    public static void AssertEqual(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual, string what = "")
    {
        Assert.Equal(expected.Length, actual.Length);
        int same = expected.CommonPrefixLength(actual);
        Assert.True(same == expected.Length, $"Byte {same} of {expected.Length} differs. {what}");
    }
}
