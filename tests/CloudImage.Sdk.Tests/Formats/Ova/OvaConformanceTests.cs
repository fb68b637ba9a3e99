using System;
using System.Collections.Generic;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Ova;
using CloudImage.Sdk.Tests.Formats.Archives;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Ova;

public sealed class OvaWriterConformanceTests : DiskWriterConformance
{
    protected override DiskCreateOptions Options { get; } = new OvaOptions();

    protected override bool CanBeSequential => true;

    protected override bool AllowsPartialBlocks => false;
}

public sealed class OvaDiskConformanceTests : VirtualDiskConformance
{
    protected override VirtualDisk OpenDisk(out byte[] content)
    {
        content = OvaTestPackage.Content(4, (3 << 20) + 512);
        return DiskImage.Open(new MemoryDisk(OvaTestPackage.Simple(content)), DiskOpenOptions.Default);
    }
}

public sealed class OvaMutationTests
{
    [Fact]
    public void Mutations_OfPackages_AreReadOrRefused()
    {
        byte[] content = OvaTestPackage.Content(6, 200_192);
        byte[] vmdk = OvaTestPackage.Vmdk(content);
        byte[] written = OvaTestPackage.Image(content, new OvaOptions());
        byte[] gzip = OvaTestPackage.Package(
            OvaTestPackage.Descriptor(("d.gz", content.Length, "ovf:compression=\"gzip\"", string.Empty)), null, ("d.gz", TarBuilder.Gzip(vmdk)));
        byte[] chunked = OvaTestPackage.Package(
            OvaTestPackage.Descriptor(("d", content.Length, "ovf:chunkSize=\"65536\"", string.Empty)),
            null, ("d.000000000", vmdk[..65536]), ("d.000000001", vmdk[65536..]));
        MutationSuite.Run(OvaFormat.Instance, [written, OvaTestPackage.Simple(content), gzip, chunked], MutationSuite.Count(1500), 20260102);
    }
}
