using System;
using System.Linq;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Vdi;
using CloudImage.Sdk.Tests.Formats.Vmdk;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Vdi;

public sealed class VdiResizerTests
{
    private static readonly DiskResizeOptions s_allowLoss = new() { AllowDataLoss = true };

    [Theory]
    [InlineData(false, 40 << 16, 41 << 16)]
    [InlineData(false, (40 << 16) + 512, (60 << 16) + 1024)]
    [InlineData(false, 40 << 16, 4000 << 16)]
    [InlineData(false, 512, 40000 << 15)]
    [InlineData(false, 1, 64 << 16)]
    [InlineData(true, (40 << 16) + 512, (300 << 16) + 512)]
    public void Resize_Larger_KeepsTheContentAndAddsZeros(bool isStatic, int length, long newLength)
    {
        byte[] content = VmdkSamples.Content(length, length);
        byte[] image = Resize(VdiSamples.Write(content, new VdiOptions { BlockSize = 64 << 10, IsStatic = isStatic }), newLength, DiskResizeOptions.Default);
        Assert.True(VdiSamples.Check(image).IsClean, string.Join("; ", VdiSamples.Check(image).Problems));
        AssertContent(image, content, (newLength + 511) / 512 * 512);
    }

    [Theory]
    [InlineData(false, 30 << 16)]
    [InlineData(false, (7 << 16) + 512)]
    [InlineData(false, 512)]
    [InlineData(true, (7 << 16) + 512)]
    public void Resize_Smaller_CutsWhenToldSo(bool isStatic, int newLength)
    {
        byte[] content = new byte[40 << 16];
        new Random(3).NextBytes(content);
        byte[] image = VdiSamples.Write(content, new VdiOptions { BlockSize = 64 << 10, IsStatic = isStatic });
        Assert.Throws<InvalidOperationException>(() => Resize(image, newLength, DiskResizeOptions.Default));
        byte[] smaller = Resize(image, newLength, s_allowLoss);
        Assert.True(VdiSamples.Check(smaller).IsClean, string.Join("; ", VdiSamples.Check(smaller).Problems));
        AssertContent(smaller, content[..newLength], newLength);

        // What was cut off must not come back.
        AssertContent(Resize(smaller, 50 << 16, DiskResizeOptions.Default), content[..newLength], 50 << 16);
    }

    [Fact]
    public void Resize_SmallerWithoutData_NeedsNoPermission()
    {
        byte[] content = new byte[40 << 16];
        content.AsSpan(0, 100).Fill(1);
        byte[] image = Resize(VdiSamples.Write(content, new VdiOptions { BlockSize = 64 << 10 }), 65536, DiskResizeOptions.Default);
        AssertContent(image, content[..65536], 65536);
    }

    [Fact]
    public void Resize_BlocksWrittenInAnyOrder_KeepsTheContent()
    {
        byte[] content = new byte[200 << 16];
        CloudImage.Sdk.IO.MemoryImageSink sink = new();
        using (DiskWriter writer = VdiFormat.Instance.Create(sink, content.Length, new VdiOptions { BlockSize = 64 << 10 }))
        {
            int[] blocks = [.. Enumerable.Range(0, 200)];
            Random random = new(8);
            random.Shuffle(blocks);
            foreach (int block in blocks.Take(90))
            {
                random.NextBytes(content.AsSpan(block << 16, 65536));
                writer.Write(content.AsSpan(block << 16, 65536), block << 16);
            }

            writer.Complete();
        }

        byte[] smaller = Resize(sink.ToArray(), 77 << 16, s_allowLoss);
        Assert.True(VdiSamples.Check(smaller).IsClean, string.Join("; ", VdiSamples.Check(smaller).Problems));
        AssertContent(smaller, content[..(77 << 16)], 77 << 16);
        byte[] larger = Resize(sink.ToArray(), 30000L << 16, DiskResizeOptions.Default);
        Assert.True(VdiSamples.Check(larger).IsClean, string.Join("; ", VdiSamples.Check(larger).Problems));
        AssertContent(larger, content, 30000L << 16);
    }

    [Theory]
    [InlineData(20 << 16, 21 << 16)]
    [InlineData((20 << 16) + 512, 40000 << 15)]
    [InlineData(20 << 16, (5 << 16) + 512)]
    public void Resize_CrashedAnywhere_LeavesTheOldOrTheNewDisk(int length, long newLength)
    {
        byte[] content = new byte[length];
        new Random(4).NextBytes(content.AsSpan(0, length / 2));
        new Random(5).NextBytes(content.AsSpan(length * 3 / 4));
        CrashingImageEditor.TryEveryCrash(
            VdiSamples.Write(content, new VdiOptions { BlockSize = 64 << 10 }),
            editor => VdiFormat.Instance.Resize(editor, newLength, s_allowLoss),
            (image, what) =>
            {
                using VirtualDisk disk = VdiSamples.Open(image);
                Assert.True(disk.Length == length || disk.Length == newLength, what);
                int count = (int)Math.Min(disk.Length, length);
                byte[] read = new byte[count];
                disk.Read(read, 0);
                Assert.True(content.AsSpan(0, count).SequenceEqual(read), what);

                // At most the count of places is too high: nothing is used twice, nothing lies outside.
                Assert.All(VdiSamples.Check(image).Problems, problem => Assert.Equal(0x184, problem.FileOffset));
            },
            1);
    }

    private static byte[] Resize(byte[] image, long length, DiskResizeOptions options)
    {
        CrashingImageEditor editor = new(image);
        VdiFormat.Instance.Resize(editor, length, options);
        return editor.ToArray();
    }

    private static void AssertContent(byte[] image, byte[] content, long length)
    {
        using VirtualDisk disk = VdiSamples.Open(image);
        Assert.Equal(length, disk.Length);
        byte[] read = new byte[content.Length];
        disk.Read(read, 0);
        Assert.True(content.AsSpan().SequenceEqual(read));
        Assert.All(disk.GetExtents(content.Length, length), extent => AssertZero(disk, extent));
    }

    private static void AssertZero(VirtualDisk disk, DiskExtent extent)
    {
        if (extent.Kind == DiskExtentKind.Data)
        {
            byte[] read = new byte[extent.Length];
            disk.Read(read, extent.Offset);
            Assert.False(read.AsSpan().ContainsAnyExcept((byte)0));
        }
    }
}
