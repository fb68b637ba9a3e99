using System;
using System.Buffers.Binary;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Vdi;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Tests.Formats.Vdi;

/// <summary>Images that several tests of VDI use.</summary>
internal static class VdiSamples
{
    public static readonly Guid Id = new("11111111-2222-3333-4444-555555555555");

    public static byte[] Write(byte[] content, VdiOptions options)
    {
        MemoryImageSink sink = new();
        using DiskWriter writer = VdiFormat.Instance.Create(sink, content.Length, options);
        writer.Write(content, 0);
        writer.Complete();
        return sink.ToArray();
    }

    public static VirtualDisk Open(byte[] image) => VdiFormat.Instance.Open(new MemoryDisk(image), DiskOpenOptions.Default);

    public static DiskCheckResult Check(byte[] image)
    {
        using MemoryDisk container = new(image);
        return VdiFormat.Instance.Check(container, DiskOpenOptions.Default);
    }

    /// <summary>A differencing image by hand: its blocks as the map gives them, with extra bytes in front of each.</summary>
    public static byte[] Differencing(Guid parent, int blockSize, int blockExtra, long length, uint[] map, params byte[][] blocks)
    {
        int dataOffset = 4096;
        byte[] image = new byte[dataOffset + (blocks.Length * (blockSize + blockExtra))];
        new VdiHeader
        {
            Creator = "<<< test >>>\n",
            Type = VdiConstants.TypeDifferencing,
            MapOffset = 512,
            DataOffset = (uint)dataOffset,
            DiskSize = (ulong)length,
            BlockSize = (uint)blockSize,
            BlockExtra = (uint)blockExtra,
            BlockCount = (uint)map.Length,
            AllocatedCount = (uint)blocks.Length,
            Id = Guid.NewGuid(),
            ParentId = parent,
        }.WriteTo(image);
        for (int i = 0; i < map.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(512 + (i * 4)), map[i]);
        }

        for (int i = 0; i < blocks.Length; i++)
        {
            int start = dataOffset + (i * (blockSize + blockExtra));
            image.AsSpan(start, blockExtra).Fill(0xEE);
            blocks[i].CopyTo(image, start + blockExtra);
        }

        return image;
    }
}
