using System;
using System.Collections.Generic;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Vhd;
using CloudImage.Sdk.Tests.Support;

namespace CloudImage.Sdk.Tests.Formats.Vhd;

public sealed class VhdDynamicWriterTests : DiskWriterConformance
{
    protected override DiskCreateOptions Options => new VhdOptions();
}

public sealed class VhdSmallBlockWriterTests : DiskWriterConformance
{
    protected override DiskCreateOptions Options => new VhdOptions { BlockSize = 512 << 10 };
}

public sealed class VhdFixedWriterTests : DiskWriterConformance
{
    protected override DiskCreateOptions Options => new VhdOptions { Variant = VhdVariant.Fixed };

    protected override bool CanBeSequential => true;

    protected override long Rounded(long length) => (length + (1 << 20) - 1) >> 20 << 20;
}

public sealed class VhdExactFixedWriterTests : DiskWriterConformance
{
    protected override DiskCreateOptions Options => VhdFormat.Instance.ParseOptions(new Dictionary<string, string> { ["subformat"] = "fixed", ["force_size"] = "on" });

    protected override bool CanBeSequential => true;
}

public sealed class VhdDynamicDiskTests : VirtualDiskConformance
{
    protected override VirtualDisk OpenDisk(out byte[] content)
    {
        using TestDisk source = TestDisk.Random(31, (5 << 20) + 512, 65536, true);
        content = source.ToArray();
        return VhdFormat.Instance.Open(new MemoryDisk(ImageBytes.Of(source, new VhdOptions { BlockSize = 512 << 10 })), DiskOpenOptions.Default);
    }
}

public sealed class VhdFixedDiskTests : VirtualDiskConformance
{
    protected override VirtualDisk OpenDisk(out byte[] content)
    {
        using TestDisk source = TestDisk.Random(32, 3 << 20, 65536, true);
        content = source.ToArray();
        return VhdFormat.Instance.Open(new MemoryDisk(ImageBytes.Of(source, new VhdOptions { Variant = VhdVariant.Fixed })), DiskOpenOptions.Default);
    }
}

public sealed class VhdDifferencingDiskTests : VirtualDiskConformance
{
    protected override VirtualDisk OpenDisk(out byte[] content)
    {
        using TestDisk parent = TestDisk.Random(33, 4 << 20, 65536, true);
        using TestDisk source = TestDisk.Random(34, 4 << 20, 20_000, true);
        content = source.ToArray();
        VirtualDisk bottom = VhdFormat.Instance.Open(new MemoryDisk(ImageBytes.Of(parent, new VhdOptions())), DiskOpenOptions.Default);
        VhdOptions options = new() { Parent = new DiskReference(DiskReferenceKind.Parent, "parent.vhd") { LinkageId = bottom.Info.LinkageId } };
        return new LayeredDisk([VhdFormat.Instance.Open(new MemoryDisk(ImageBytes.Of(source, options, bottom)), DiskOpenOptions.Default), bottom]);
    }
}
