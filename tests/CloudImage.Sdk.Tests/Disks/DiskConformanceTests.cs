using System;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats.Raw;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Tests.Support;

namespace CloudImage.Sdk.Tests.Disks;

public sealed class TestDiskTests : VirtualDiskConformance
{
    protected override VirtualDisk OpenDisk(out byte[] content)
    {
        TestDisk disk = TestDisk.Random(2, (2 << 20) + 100, 30_000, false);
        content = disk.ToArray();
        return disk;
    }
}

public sealed class FileDiskConformanceTests : VirtualDiskConformance, IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    protected override VirtualDisk OpenDisk(out byte[] content)
    {
        using TestDisk source = TestDisk.Random(4, (4 << 20) + 513, 65536, true);
        content = source.ToArray();
        using (DiskWriter writer = DiskImage.Create(_folder.File("disk.raw"), source.Length, new RawOptions(), WriteDurability.None))
        {
            source.CopyTo(writer, DiskCopyOptions.Default, null);
            writer.Complete();
        }

        return FileDisk.Open(_folder.File("disk.raw"));
    }
}

public sealed class LayeredDiskConformanceTests : VirtualDiskConformance
{
    protected override VirtualDisk OpenDisk(out byte[] content)
    {
        TestDisk top = TestDisk.Random(21, (3 << 20) + 512, 20_000, true);
        TestDisk middle = TestDisk.Random(22, 2 << 20, 50_000, false);
        TestDisk bottom = TestDisk.Random(23, 4 << 20, 10_000, true);
        content = top.ToArray();
        foreach (DiskExtent hole in top.GetExtents(0, top.Length))
        {
            if (hole.Kind == DiskExtentKind.Unmapped)
            {
                Show(middle, bottom, hole, content);
            }
        }

        return new LayeredDisk([top, middle, bottom]);
    }

    private static void Show(TestDisk middle, TestDisk bottom, DiskExtent hole, byte[] content)
    {
        foreach (DiskExtent part in middle.GetExtents(hole.Offset, hole.Length))
        {
            VirtualDisk layer = part.Kind == DiskExtentKind.Unmapped ? bottom : middle;
            layer.Read(content.AsSpan((int)part.Offset, (int)part.Length), part.Offset);
        }
    }
}
