using System;
using System.Collections.Generic;
using System.IO;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Vdi;
using CloudImage.Sdk.Tests.Formats.Vmdk;
using CloudImage.Sdk.Tests.Support;

namespace CloudImage.Sdk.Tests.Formats.Vdi;

public sealed class VdiDynamicDiskConformanceTests : VirtualDiskConformance
{
    private static readonly byte[] s_content = VmdkSamples.Content((3 << 20) + 1536, 1);
    private static readonly byte[] s_image = VdiSamples.Write(s_content, new VdiOptions { BlockSize = 64 << 10 });

    protected override VirtualDisk OpenDisk(out byte[] content)
    {
        content = s_content;
        return VdiSamples.Open(s_image);
    }
}

public sealed class VdiDifferencingDiskConformanceTests : VirtualDiskConformance
{
    protected override VirtualDisk OpenDisk(out byte[] content)
    {
        content = VmdkSamples.Content(12 * 5120, 2);
        byte[] parent = VdiSamples.Write(content, new VdiOptions { BlockSize = 64 << 10, Id = VdiSamples.Id });
        byte[] block = new byte[5120];
        block[0] = 1;
        block[^1] = 2;
        const uint None = VdiConstants.Unallocated;
        byte[] child = VdiSamples.Differencing(VdiSamples.Id, 5120, 32, content.Length, [None, 1, 0, VdiConstants.Zero, None, None, 2, None, None, None, None, None], block, block, block);
        foreach (int index in (int[])[1, 2, 6])
        {
            block.CopyTo(content, index * 5120);
        }

        content.AsSpan(3 * 5120, 5120).Clear();
        return VdiFormat.Instance.Open(new MemoryDisk(child), new DiskOpenOptions { References = new MemoryResolver(($"{{{VdiSamples.Id}}}", parent)) });
    }
}

public sealed class VdiDynamicWriterConformanceTests : DiskWriterConformance
{
    protected override DiskCreateOptions Options { get; } = new VdiOptions();

    protected override void CheckContainer(byte[] container, byte[] content) => VdiOracle.AssertEqual(container, content);
}

public sealed class VdiStaticWriterConformanceTests : DiskWriterConformance
{
    protected override DiskCreateOptions Options { get; } = new VdiOptions { IsStatic = true };

    protected override IReadOnlyList<int> Lengths => [512, (3 << 20) + 512];

    protected override void CheckContainer(byte[] container, byte[] content) => VdiOracle.AssertEqual(container, content);
}

public sealed class VdiSmallBlockWriterConformanceTests : DiskWriterConformance
{
    protected override DiskCreateOptions Options { get; } = new VdiOptions { BlockSize = 64 << 10 };
}

/// <summary>Holds images against qemu-img.</summary>
internal static class VdiOracle
{
    public static void AssertEqual(byte[] container, byte[] content)
    {
        if (content.Length <= 65536 || !ExternalTool.Exists("qemu-img"))
        {
            return;
        }

        using TempFolder folder = new();
        File.WriteAllBytes(folder.File("disk.vdi"), container);
        File.WriteAllBytes(folder.File("disk.raw"), content);
        ExternalTool qemu = ExternalTool.Require("qemu-img");
        qemu.Run("compare", "-f", "vdi", "-F", "raw", folder.File("disk.vdi"), folder.File("disk.raw"));
        qemu.Run("check", "-f", "vdi", folder.File("disk.vdi"));
    }
}
