using System;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Vmdk;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Vmdk;

public sealed class VmdkResizerTests
{
    private static readonly DiskResizeOptions s_allowLoss = new() { AllowDataLoss = true };

    [Theory]
    [InlineData(40 << 16, 41 << 16)]
    [InlineData((40 << 16) + 512, (60 << 16) + 1024)]
    [InlineData((40 << 16) + 512, 20000L << 16)]
    [InlineData(512, 5L << 40)]
    public void Resize_Larger_KeepsTheContentAndAddsZeros(int length, long newLength)
    {
        byte[] content = VmdkSamples.Content(length, length);
        byte[] image = Resize(VmdkSamples.Write(content, new VmdkOptions()), Math.Min(newLength, 40000L << 16), DiskResizeOptions.Default);
        AssertContent(image, content, Math.Min(newLength, 40000L << 16));
    }

    [Theory]
    [InlineData(30 << 16)]
    [InlineData((7 << 16) + 512)]
    [InlineData(512)]
    public void Resize_Smaller_CutsWhenToldSo(int newLength)
    {
        byte[] content = new byte[40 << 16];
        new Random(3).NextBytes(content);
        byte[] image = VmdkSamples.Write(content, new VmdkOptions());
        Assert.Throws<InvalidOperationException>(() => Resize(image, newLength, DiskResizeOptions.Default));
        byte[] smaller = Resize(image, newLength, s_allowLoss);
        Assert.True(smaller.Length < image.Length);
        AssertContent(smaller, content[..newLength], newLength);

        // What was cut off must not come back.
        AssertContent(Resize(smaller, 50 << 16, DiskResizeOptions.Default), content[..newLength], 50 << 16);
    }

    [Fact]
    public void Resize_SmallerWithoutData_NeedsNoPermission()
    {
        byte[] content = new byte[40 << 16];
        content.AsSpan(0, 100).Fill(1);
        AssertContent(Resize(VmdkSamples.Write(content, new VmdkOptions()), 65536, DiskResizeOptions.Default), content[..65536], 65536);
    }

    [Fact]
    public void Resize_OfAStream_SaysWhatToDo()
    {
        byte[] image = VmdkSamples.Write(new byte[65536], new VmdkOptions { Subformat = VmdkSubformat.StreamOptimized });
        Assert.Throws<InvalidOperationException>(() => Resize(image, 1 << 20, DiskResizeOptions.Default));
        Assert.Throws<InvalidOperationException>(() => Resize(VmdkSamples.Descriptor("RW 1 FLAT \"a\" 0"), 1 << 20, DiskResizeOptions.Default));
    }

    [Theory]
    [InlineData(20 << 16, 21 << 16)]
    [InlineData((20 << 16) + 512, 3000L << 16)]
    [InlineData(20 << 16, (5 << 16) + 512)]
    public void Resize_CrashedAnywhere_LeavesTheOldOrTheNewDisk(int length, long newLength)
    {
        byte[] content = new byte[length];
        new Random(4).NextBytes(content.AsSpan(0, length / 2));
        new Random(5).NextBytes(content.AsSpan(length * 3 / 4));
        CrashingImageEditor.TryEveryCrash(
            VmdkSamples.Write(content, new VmdkOptions { ContentId = 5 }),
            editor => VmdkFormat.Instance.Resize(editor, newLength, s_allowLoss),
            (image, what) =>
            {
                using VirtualDisk disk = VmdkSamples.Open(image);
                Assert.True(disk.Length == length || disk.Length == newLength, what);
                Assert.Equal("00000005", disk.Info.LinkageId);
                int count = (int)Math.Min(disk.Length, length);
                byte[] read = new byte[count];
                disk.Read(read, 0);
                Assert.True(content.AsSpan(0, count).SequenceEqual(read), what);
                using MemoryDisk container = new(image);
                Assert.True(VmdkFormat.Instance.Check(container, DiskOpenOptions.Default).IsConsistent, what);
            },
            1);
    }

    private static byte[] Resize(byte[] image, long length, DiskResizeOptions options)
    {
        CrashingImageEditor editor = new(image);
        VmdkFormat.Instance.Resize(editor, length, options);
        return editor.ToArray();
    }

    private static void AssertContent(byte[] image, byte[] content, long length)
    {
        using VirtualDisk disk = VmdkSamples.Open(image);
        Assert.Equal(length, disk.Length);
        byte[] read = new byte[content.Length];
        disk.Read(read, 0);
        Assert.True(content.AsSpan().SequenceEqual(read));
        foreach (DiskExtent extent in disk.GetExtents(content.Length, length))
        {
            if (extent.Kind == DiskExtentKind.Data)
            {
                byte[] rest = new byte[extent.Length];
                disk.Read(rest, extent.Offset);
                Assert.False(rest.AsSpan().ContainsAnyExcept((byte)0));
            }
        }

        using MemoryDisk container = new(image);
        DiskCheckResult result = VmdkFormat.Instance.Check(container, DiskOpenOptions.Default);
        Assert.All(result.Problems, static problem => Assert.Equal(DiskProblemKind.Leak, problem.Kind));
        Assert.Contains($"RW {length / 512} SPARSE", System.Text.Encoding.ASCII.GetString(image, 512, 2048), StringComparison.Ordinal);
        if (ExternalTool.Exists("qemu-img") && length < 1L << 32)
        {
            using TempFolder folder = new();
            System.IO.File.WriteAllBytes(folder.File("d.vmdk"), image);
            System.IO.File.WriteAllBytes(folder.File("d.raw"), content);
            ExternalTool qemu = ExternalTool.Require("qemu-img");
            qemu.Run("compare", "-f", "vmdk", "-F", "raw", folder.File("d.vmdk"), folder.File("d.raw"));
            qemu.Run("check", "-f", "vmdk", folder.File("d.vmdk"));
        }
    }
}
