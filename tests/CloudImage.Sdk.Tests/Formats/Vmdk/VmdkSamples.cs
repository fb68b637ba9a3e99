using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Vmdk;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Tests.Formats.Vmdk;

/// <summary>Contents and images that several tests of VMDK use.</summary>
internal static class VmdkSamples
{
    /// <summary>A disk with grains of noise, of text, of zeros, and a tail that is no whole grain.</summary>
    public static byte[] Content(int length, int seed)
    {
        byte[] content = new byte[length];
        Random random = new(seed);
        for (int at = 0; at < length; at += 65536)
        {
            Span<byte> grain = content.AsSpan(at, Math.Min(65536, length - at));
            switch (random.Next(4))
            {
                case 0:
                    random.NextBytes(grain);
                    break;
                case 1:
                    for (int i = 0; i < grain.Length; i++)
                    {
                        grain[i] = (byte)("the quick brown fox "[i % 20] + (i / 4096));
                    }

                    break;
                case 2:
                    grain[random.Next(grain.Length)] = 1;
                    break;
            }
        }

        return content;
    }

    public static byte[] Write(byte[] content, VmdkOptions options)
    {
        MemoryImageSink sink = new();
        using DiskWriter writer = VmdkFormat.Instance.Create(sink, content.Length, options);
        writer.Write(content, 0);
        writer.Complete();
        return sink.ToArray();
    }

    public static VirtualDisk Open(byte[] image) => VmdkFormat.Instance.Open(new MemoryDisk(image), DiskOpenOptions.Default);

    public static byte[] ReadAll(VirtualDisk disk)
    {
        byte[] content = new byte[disk.Length];
        if (disk.Read(content, 0) != content.Length)
        {
            throw new InvalidOperationException("The disk is shorter than it says.");
        }

        return content;
    }

    public static byte[] Descriptor(params string[] lines) =>
        System.Text.Encoding.UTF8.GetBytes("# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\n" + string.Join('\n', lines) + "\n");
}

/// <summary>Resolves names to contents in memory, and remembers what was asked for.</summary>
internal sealed class MemoryResolver : BackingFileResolver
{
    private readonly Dictionary<string, byte[]> _files;

    public MemoryResolver(params (string Name, byte[] Content)[] files) => _files = files.ToDictionary(static file => file.Name, static file => file.Content);

    public List<string> Asked { get; } = [];

    protected override ValueTask<VirtualDisk?> ResolveCoreAsync(DiskReference reference, IoMode mode, CancellationToken cancellationToken)
    {
        Asked.Add(reference.Name);
        return ValueTask.FromResult<VirtualDisk?>(_files.TryGetValue(reference.Name, out byte[]? content) ? new MemoryDisk(content) : null);
    }
}
