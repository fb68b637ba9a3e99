using System;
using System.IO;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Vmdk;
using CloudImage.Sdk.Tests.Support;

namespace CloudImage.Sdk.Tests.Formats.Vmdk;

public sealed class VmdkSparseDiskConformanceTests : VirtualDiskConformance
{
    private static readonly byte[] s_content = VmdkSamples.Content((3 << 20) + 1536, 1);
    private static readonly byte[] s_image = VmdkSamples.Write(s_content, new VmdkOptions());

    protected override VirtualDisk OpenDisk(out byte[] content)
    {
        content = s_content;
        return VmdkSamples.Open(s_image);
    }
}

public sealed class VmdkStreamDiskConformanceTests : VirtualDiskConformance
{
    private static readonly byte[] s_content = VmdkSamples.Content((3 << 20) + 1536, 2);
    private static readonly byte[] s_image = VmdkSamples.Write(s_content, new VmdkOptions { Subformat = VmdkSubformat.StreamOptimized });

    protected override VirtualDisk OpenDisk(out byte[] content)
    {
        content = s_content;
        return VmdkSamples.Open(s_image);
    }
}

public sealed class VmdkSplitDiskConformanceTests : VirtualDiskConformance
{
    private static readonly byte[] s_content = VmdkSamples.Content((3 << 20) + 1536, 3);

    // A flat extent with an offset, a sparse one, zeros, and a stream as the last: every kind that a line can name.
    protected override VirtualDisk OpenDisk(out byte[] content)
    {
        content = [.. s_content];
        content.AsSpan(2 << 20, 512 << 10).Clear();
        byte[] flat = [.. new byte[1024], .. content[..(1 << 20)]];
        byte[] sparse = VmdkSamples.Write(content[(1 << 20)..(2 << 20)], new VmdkOptions());
        byte[] stream = VmdkSamples.Write(content[((2 << 20) + (512 << 10))..], new VmdkOptions { Subformat = VmdkSubformat.StreamOptimized });
        long rest = content.Length - (2 << 20) - (512 << 10);
        byte[] descriptor = VmdkSamples.Descriptor(
            "createType=\"custom\"", "RW 2048 FLAT \"a.vmdk\" 2", "RW 2048 SPARSE \"b.vmdk\"", "RW 1024 ZERO", $"RDONLY {rest / 512} SPARSE \"c.vmdk\"");
        return VmdkFormat.Instance.Open(
            new MemoryDisk(descriptor), new DiskOpenOptions { References = new MemoryResolver(("a.vmdk", flat), ("b.vmdk", sparse), ("c.vmdk", stream)) });
    }
}

public sealed class VmdkSparseWriterConformanceTests : DiskWriterConformance
{
    protected override DiskCreateOptions Options { get; } = new VmdkOptions();

    protected override void CheckContainer(byte[] container, byte[] content)
    {
        if (content.Length > 65536 && ExternalTool.Exists("qemu-img"))
        {
            VmdkOracle.AssertEqual(container, content);
        }
    }
}

public sealed class VmdkStreamWriterConformanceTests : DiskWriterConformance
{
    protected override DiskCreateOptions Options { get; } = new VmdkOptions { Subformat = VmdkSubformat.StreamOptimized };

    protected override bool CanBeSequential => true;

    protected override bool AllowsPartialBlocks => false;

    protected override void CheckContainer(byte[] container, byte[] content)
    {
        using (SequentialDiskSource source = VmdkFormat.Instance.OpenSequential(new ForwardStream(container), DiskOpenOptions.Default))
        {
            VmdkOracle.AssertSequential(source, content);
        }

        if (content.Length > 65536 && ExternalTool.Exists("qemu-img"))
        {
            VmdkOracle.AssertEqual(container, content);
        }
    }
}

/// <summary>Holds images against qemu-img.</summary>
internal static class VmdkOracle
{
    public static void AssertEqual(byte[] container, byte[] content)
    {
        using TempFolder folder = new();
        File.WriteAllBytes(folder.File("disk.vmdk"), container);
        File.WriteAllBytes(folder.File("disk.raw"), content);
        ExternalTool qemu = ExternalTool.Require("qemu-img");
        qemu.Run("compare", "-f", "vmdk", "-F", "raw", folder.File("disk.vmdk"), folder.File("disk.raw"));
        qemu.Run("check", "-f", "vmdk", folder.File("disk.vmdk"));
    }

    public static void AssertSequential(SequentialDiskSource source, byte[] content, int bufferLength = 200_000)
    {
        byte[] buffer = new byte[bufferLength];
        long position = 0;
        DiskExtent part;
        while ((part = source.ReadNext(buffer)).Length > 0)
        {
            Xunit.Assert.Equal(position, part.Offset);
            ReadOnlySpan<byte> expected = content.AsSpan((int)part.Offset, (int)part.Length);
            Xunit.Assert.True(part.Kind == DiskExtentKind.Data ? expected.SequenceEqual(buffer.AsSpan(0, (int)part.Length)) : !expected.ContainsAnyExcept((byte)0), $"{part} differs.");
            position = part.End;
        }

        Xunit.Assert.Equal(content.Length, position);
    }
}
