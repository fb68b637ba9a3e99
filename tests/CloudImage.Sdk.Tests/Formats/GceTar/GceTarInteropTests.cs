using System;
using System.IO;
using System.Linq;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.GceTar;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.GceTar;

/// <summary>GNU tar and gzip read what is written here, and what they write is read here.</summary>
public sealed class GceTarInteropTests
{
    private const int Length = 8 << 20;

    [Fact]
    public void Tar_ExtractsWhatWasWritten()
    {
        ExternalTool tar = ExternalTool.Require("tar");
        ExternalTool gzip = ExternalTool.Require("gzip");
        using TempFolder folder = new();
        byte[] archive = GceTarFormatTests.Write(1L << 30, true);
        File.WriteAllBytes(folder.File("image.tar.gz"), archive);
        gzip.Run("-t", folder.File("image.tar.gz"));
        string list = tar.Run("-tvzf", folder.File("image.tar.gz"));
        Assert.Contains("1073741824", list, StringComparison.Ordinal);
        Assert.Single(list.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        tar.Run("-xSzf", folder.File("image.tar.gz"), "-C", folder.Path);
        using FileDisk disk = FileDisk.Open(folder.File("disk.raw"));
        Assert.Equal(1L << 30, disk.Length);
        Assert.InRange(BlockMap.Of(disk).DataLength, 1, 16 << 20);
        foreach ((long offset, int length) in GceTarFormatTests.Ranges)
        {
            byte[] content = new byte[length];
            disk.Read(content, offset);
            Assert.Equal(GceTarFormatTests.Expected(offset, length), content);
        }
    }

    [Fact]
    public void Tar_ExtractsAMapOfManyExtensions()
    {
        ExternalTool tar = ExternalTool.Require("tar");
        using TempFolder folder = new();
        byte[] content = new byte[64 << 20];
        using (DiskWriter writer = DiskImage.Create(folder.File("image.tar.gz"), content.Length, new GceTarOptions { LengthUnit = GceTarConstants.BlockSize }))
        {
            int[] blocks = [.. Enumerable.Range(0, 128).Select(static index => 2 * index * GceTarConstants.BlockSize)];
            writer.Plan(new BlockMap(blocks.Select(static offset => new DiskExtent(offset, 1000, DiskExtentKind.Data))));
            foreach (int offset in blocks)
            {
                new Random(offset).NextBytes(content.AsSpan(offset, 1000));
                writer.Write(content.AsSpan(offset, 1000), offset);
            }

            writer.Complete();
        }

        tar.Run("-xSzf", folder.File("image.tar.gz"), "-C", folder.Path);
        Assert.True(File.ReadAllBytes(folder.File("disk.raw")).AsSpan().SequenceEqual(content));
    }

    [Theory]
    [InlineData("gnu", "")]
    [InlineData("oldgnu", "")]
    [InlineData("posix", "0.0")]
    [InlineData("posix", "0.1")]
    [InlineData("posix", "1.0")]
    public void Open_WhatTarWrote_ReadsTheDisk(string format, string version)
    {
        ExternalTool tar = ExternalTool.Require("tar");
        using TempFolder folder = new();
        byte[] content = new byte[Length];
        using (FileStream file = File.Create(folder.File("disk.raw")))
        {
            file.SetLength(Length);
            for (int index = 0; index < 13; index++)
            {
                int offset = index * 600_000 / 4096 * 4096;
                new Random(index).NextBytes(content.AsSpan(offset, 5000));
                file.Position = offset;
                file.Write(content, offset, 5000);
            }
        }

        string[] arguments = ["-C", folder.Path, "-cSzf", folder.File("image.tar.gz"), $"--format={format}", "disk.raw"];
        tar.Run(version.Length == 0 ? arguments : [$"--sparse-version={version}", .. arguments]);
        using VirtualDisk disk = DiskImage.Open(folder.File("image.tar.gz"));
        byte[] read = new byte[Length];
        Assert.Equal(Length, disk.Read(read, 0));
        Assert.True(read.AsSpan().SequenceEqual(content));
        Assert.Equal("sparse", disk.Info.Variant);
        using FileStream pipe = File.OpenRead(folder.File("image.tar.gz"));
        using SequentialDiskSource source = DiskImage.OpenSequential(new ForwardStream(pipe), DiskOpenOptions.Default);
        read.AsSpan().Clear();
        byte[] buffer = new byte[1 << 20];
        while (source.ReadNext(buffer) is { Length: > 0 } extent)
        {
            if (extent.Kind == DiskExtentKind.Data)
            {
                buffer.AsSpan(0, (int)extent.Length).CopyTo(read.AsSpan((int)extent.Offset));
            }
        }

        Assert.True(read.AsSpan().SequenceEqual(content));
    }
}
