using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Archives;
using CloudImage.Sdk.Formats.GceTar;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Tests.Formats.Archives;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.GceTar;

public sealed class GceTarWriterConformanceTests : DiskWriterConformance
{
    protected override DiskCreateOptions Options { get; } = new GceTarOptions { LengthUnit = GceTarConstants.BlockSize, CompressionLevel = 1 };

    protected override bool CanBeSequential => true;

    protected override bool AllowsPartialBlocks => false;

    protected override long Rounded(long length) => GceTarConstants.ArchivedLength(length, GceTarConstants.BlockSize);

    // The check warns of lengths that are no whole GiB, which all of these are; that warning is held by a test of its own.
    protected override bool IsClean(DiskCheckResult result) => result.Problems.All(static problem => problem.Kind == DiskProblemKind.Warning);
}

public sealed class GceTarDiskConformanceTests : VirtualDiskConformance
{
    protected override VirtualDisk OpenDisk(out byte[] content)
    {
        using TestDisk source = TestDisk.Random(9, 3 << 20, 4096, true);
        content = source.ToArray();
        MemoryImageSink sink = new();
        using DiskWriter writer = GceTarFormat.Instance.Create(sink, source.Length, new GceTarOptions { LengthUnit = GceTarConstants.BlockSize });
        source.CopyTo(writer, DiskCopyOptions.Default, null);
        writer.Complete();
        return DiskImage.Open(new MemoryDisk(sink.ToArray()), DiskOpenOptions.Default);
    }
}

public sealed class GceTarForeignDiskConformanceTests : VirtualDiskConformance
{
    protected override VirtualDisk OpenDisk(out byte[] content)
    {
        using TestDisk source = TestDisk.Random(10, (2 << 20) + 512, 4096, true);
        content = source.ToArray();
        return DiskImage.Open(new MemoryDisk(new TarBuilder().Add("disk.raw", content).BuildGzip()), DiskOpenOptions.Default);
    }
}

public sealed class GceTarMutationTests
{
    [Fact]
    public void Mutations_OfArchivesOfAllKinds_AreReadOrRefused()
    {
        byte[] content = new byte[70_000];
        new Random(2).NextBytes(content);
        MemoryImageSink sink = new();
        using (DiskWriter writer = GceTarFormat.Instance.Create(sink, 1 << 20, new GceTarOptions { LengthUnit = GceTarConstants.BlockSize }))
        {
            writer.Plan(new BlockMap([new DiskExtent(300_000, content.Length, DiskExtentKind.Data)]));
            writer.Write(content, 300_000);
            writer.Complete();
        }

        byte[] plain = new TarBuilder().Add("disk.raw", content).Build();
        byte[] sparse = new TarBuilder().Add("disk.raw", content[..1536], TarConstants.TypeSparse, change: TarBuilder.Sparse(10_000, false, (1024, 512), (4096, 1024))).Build();

        // Deflate hides the tar headers from mutations: those are tried with stored blocks as well, whose bytes lie open.
        MutationSuite.Run(
            GceTarFormat.Instance,
            [sink.ToArray(), TarBuilder.Gzip(plain), Stored(plain), Stored(sparse)],
            MutationSuite.Count(1500),
            20260101);
    }

    // A gzip file of stored blocks; mutated checksums of gzip itself are rare among so many bytes.
    private static byte[] Stored(byte[] plain)
    {
        using MemoryStream target = new();
        using (System.IO.Compression.GZipStream gzip = new(target, System.IO.Compression.CompressionLevel.NoCompression, true))
        {
            gzip.Write(plain);
        }

        return target.ToArray();
    }
}
