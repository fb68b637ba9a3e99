using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Vhdx;
using CloudImage.Sdk.Tests.Support;

namespace CloudImage.Sdk.Tests.Formats.Vhdx;

public sealed class VhdxDynamicWriterTests : DiskWriterConformance
{
    protected override DiskCreateOptions Options => new VhdxOptions();
}

public sealed class VhdxLargeBlockWriterTests : DiskWriterConformance
{
    protected override DiskCreateOptions Options => new VhdxOptions { BlockSize = 4 << 20, LogSize = 2 << 20, UseZeroBlockState = false };
}

public sealed class VhdxFixedWriterTests : DiskWriterConformance
{
    protected override DiskCreateOptions Options => new VhdxOptions { Variant = VhdxVariant.Fixed };
}

public sealed class VhdxBigSectorWriterTests : DiskWriterConformance
{
    protected override DiskCreateOptions Options => new VhdxOptions { LogicalSectorSize = 4096 };

    protected override long Rounded(long length) => (length + 4095) / 4096 * 4096;
}

public sealed class VhdxDynamicDiskTests : VirtualDiskConformance
{
    protected override VirtualDisk OpenDisk(out byte[] content)
    {
        using TestDisk source = TestDisk.Random(31, (5 << 20) + 512, 65536, true);
        content = source.ToArray();
        return VhdxFormat.Instance.Open(new MemoryDisk(ImageBytes.Of(source, new VhdxOptions())), DiskOpenOptions.Default);
    }
}

public sealed class VhdxDifferencingDiskTests : VirtualDiskConformance
{
    protected override VirtualDisk OpenDisk(out byte[] content)
    {
        using TestDisk parent = TestDisk.Random(33, 4 << 20, 65536, true);
        using TestDisk source = TestDisk.Random(34, 4 << 20, 20_000, true);
        content = source.ToArray();
        VirtualDisk bottom = VhdxFormat.Instance.Open(new MemoryDisk(ImageBytes.Of(parent, new VhdxOptions())), DiskOpenOptions.Default);
        VhdxOptions options = new() { Parent = new DiskReference(DiskReferenceKind.Parent, "parent.vhdx") { LinkageId = bottom.Info.LinkageId } };
        return new LayeredDisk([VhdxFormat.Instance.Open(new MemoryDisk(ImageBytes.Of(source, options, bottom)), DiskOpenOptions.Default), bottom]);
    }
}
