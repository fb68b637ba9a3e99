using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Raw;
using CloudImage.Sdk.Tests.Support;

namespace CloudImage.Sdk.Tests.Formats;

public sealed class RawWriterTests : DiskWriterConformance
{
    protected override DiskCreateOptions Options => new RawOptions();

    protected override bool CanBeSequential => true;
}

public sealed class RawDiskTests : VirtualDiskConformance
{
    protected override VirtualDisk OpenDisk(out byte[] content)
    {
        using TestDisk source = TestDisk.Random(11, (3 << 20) + 513, 65536, true);
        content = source.ToArray();
        return RawFormat.Instance.Open(new MemoryDisk(content), DiskOpenOptions.Default);
    }
}
