using System.Collections.Generic;
using System.IO;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats.Qcow2;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Qcow2;

/// <summary>Damaged images: an error with a reason, or content; never anything else.</summary>
public sealed class Qcow2MutationTests
{
    [Fact]
    public void Mutations_OfImagesWrittenHere_AreReadOrRefused()
    {
        byte[] content = MixedContent.Make(600_000, 1);
        List<byte[]> images =
        [
            Qcow2DiskConformanceTests.Write(content, new Qcow2Options { ClusterSize = 512 }),
            Qcow2DiskConformanceTests.Write(content, new Qcow2Options { ClusterSize = 4096, Compression = Qcow2Compression.Zlib }),
            Qcow2DiskConformanceTests.Write(content, new Qcow2Options { ClusterSize = 16384, Compression = Qcow2Compression.Zstd, ExtendedL2 = true }),
            Qcow2DiskConformanceTests.Write(content, new Qcow2Options { Version = 2, Parent = new DiskReference(DiskReferenceKind.Parent, "base") { FormatName = "raw" } }),
            Qcow2DiskConformanceTests.Write(content, new Qcow2Options { RefcountBits = 1, ClusterSize = 1024 }),
        ];
        MutationSuite.Run(Qcow2Format.Instance, images, MutationSuite.Count(3000), 20);
    }

    [Fact]
    public void Mutations_OfImagesByQemu_AreReadOrRefused()
    {
        QemuTool.Require();
        using TestFolder folder = new();
        QemuTool.Img("create", "-q", "-f", "qcow2", "-o", "cluster_size=4k", folder["image"], "600064");
        QemuTool.Io(folder["image"], "qcow2", "write -P 1 0 90k", "write -c -P 2 100k 4k", "write -z 200k 100k");
        QemuTool.Img("snapshot", "-c", "first", folder["image"]);
        QemuTool.Img("bitmap", "--add", "-g", "4k", folder["image"], "changes");
        QemuTool.Io(folder["image"], "qcow2", "write -P 3 50k 90k", "discard 300k 20k");
        QemuTool.Img("create", "-q", "-f", "qcow2", "-o", "cluster_size=4k,data_file=data", folder["external"], "600064");
        QemuTool.Io(folder["external"], "qcow2", "write -P 1 0 90k");
        MutationSuite.Run(Qcow2Format.Instance, [File.ReadAllBytes(folder["image"]), File.ReadAllBytes(folder["external"])], MutationSuite.Count(2000), 21);
    }

    [Fact]
    public void Mutations_OfVersion1_AreReadOrRefused()
    {
        QemuTool.Require();
        using TestFolder folder = new();
        File.WriteAllBytes(folder["raw"], MixedContent.Make(307_200, 2));
        QemuTool.Img("convert", "-q", "-f", "raw", "-O", "qcow", folder["raw"], folder["plain"]);
        _ = QemuTool.TryImg("convert", "-q", "-c", "-f", "raw", "-O", "qcow", folder["raw"], folder["compressed"]);
        MutationSuite.Run(Qcow1Format.Instance, [File.ReadAllBytes(folder["plain"]), File.ReadAllBytes(folder["compressed"])], MutationSuite.Count(1000), 22);
    }
}
