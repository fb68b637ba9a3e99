using System;
using System.Collections.Generic;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Qcow2;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Tests.Support;

namespace CloudImage.Sdk.Tests.Formats.Qcow2;

public sealed class Qcow2WriterConformanceTests : DiskWriterConformance
{
    protected override DiskCreateOptions Options => new Qcow2Options();

    protected override bool CanBeSequential => true;
}

public sealed class Qcow2SmallClusterWriterConformanceTests : DiskWriterConformance
{
    protected override DiskCreateOptions Options => new Qcow2Options { ClusterSize = 512, Version = 2 };

    protected override bool CanBeSequential => true;

    protected override IReadOnlyList<int> Lengths => [512, 65536, (1 << 20) + 512];
}

public sealed class Qcow2ExtendedWriterConformanceTests : DiskWriterConformance
{
    protected override DiskCreateOptions Options => new Qcow2Options { ExtendedL2 = true };

    protected override bool CanBeSequential => true;
}

public sealed class Qcow2ZlibWriterConformanceTests : DiskWriterConformance
{
    protected override DiskCreateOptions Options => new Qcow2Options { Compression = Qcow2Compression.Zlib };
}

public sealed class Qcow2ZstdWriterConformanceTests : DiskWriterConformance
{
    protected override DiskCreateOptions Options => new Qcow2Options { Compression = Qcow2Compression.Zstd, ClusterSize = 16384 };
}

public sealed class Qcow2DiskConformanceTests : VirtualDiskConformance
{
    protected override VirtualDisk OpenDisk(out byte[] content)
    {
        content = MixedContent.Make(3_000_123, 21);
        return OpenWritten(content, new Qcow2Options { ClusterSize = 4096 });
    }

    internal static VirtualDisk OpenWritten(byte[] content, Qcow2Options options) =>
        Qcow2Format.Instance.Open(new MemoryDisk(Write(content, options)), DiskOpenOptions.Default);

    internal static byte[] Write(byte[] content, Qcow2Options options)
    {
        MemoryImageSink sink = new();
        using DiskWriter writer = Qcow2Format.Instance.Create(sink, content.Length, options);
        for (int offset = 0; offset < content.Length; offset += writer.PreferredBlockSize)
        {
            ReadOnlySpan<byte> piece = content.AsSpan(offset, Math.Min(writer.PreferredBlockSize, content.Length - offset));
            if (piece.ContainsAnyExcept((byte)0))
            {
                writer.Write(piece, offset);
            }
        }

        writer.Complete();
        return sink.ToArray();
    }
}

public sealed class Qcow2CompressedDiskConformanceTests : VirtualDiskConformance
{
    protected override VirtualDisk OpenDisk(out byte[] content)
    {
        content = MixedContent.Make(3_000_123, 22);
        return Qcow2DiskConformanceTests.OpenWritten(content, new Qcow2Options { Compression = Qcow2Compression.Zlib });
    }
}

public sealed class Qcow2ZstdDiskConformanceTests : VirtualDiskConformance
{
    protected override VirtualDisk OpenDisk(out byte[] content)
    {
        content = MixedContent.Make(3_000_123, 23);
        return Qcow2DiskConformanceTests.OpenWritten(content, new Qcow2Options { Compression = Qcow2Compression.Zstd, ExtendedL2 = true });
    }
}
