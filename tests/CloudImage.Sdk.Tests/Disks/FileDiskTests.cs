using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Raw;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Disks;

public sealed partial class FileDiskTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Extents_OfASparseFile_AreItsHoles()
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Skip("Holes are asked for on Linux alone.");
        }

        string path = _folder.File("sparse.raw");
        using (FileStream file = File.Create(path))
        {
            file.SetLength(64 << 20);
            foreach (int megabyte in (int[])[1, 2, 10, 33, 63])
            {
                file.Position = (long)megabyte << 20;
                file.Write(Enumerable.Repeat((byte)megabyte, 1 << 20).ToArray());
            }
        }

        using FileDisk disk = FileDisk.Open(path);
        DiskExtent[] extents = [.. disk.GetExtents(0, disk.Length)];
        Assert.Equal(
            [(0, 1, DiskExtentKind.Zero), (1, 2, DiskExtentKind.Data), (3, 7, DiskExtentKind.Zero), (10, 1, DiskExtentKind.Data), (11, 22, DiskExtentKind.Zero),
             (33, 1, DiskExtentKind.Data), (34, 29, DiskExtentKind.Zero), (63, 1, DiskExtentKind.Data)],
            extents.Select(static extent => ((int)(extent.Offset >> 20), (int)(extent.Length >> 20), extent.Kind)));
    }

    [Fact]
    public void Open_OfWhatIsNoImageFile_SaysSo()
    {
        Assert.Throws<FileNotFoundException>(() => FileDisk.Open(_folder.File("missing")));
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        Assert.Contains("folder", Assert.ThrowsAny<CloudImageException>(() => FileDisk.Open(_folder.Path)).Message, StringComparison.Ordinal);
        Assert.Contains("character device", Assert.ThrowsAny<CloudImageException>(() => FileDisk.Open("/dev/zero")).Message, StringComparison.Ordinal);
        string pipe = _folder.File("pipe");
        ExternalTool.Require("mkfifo").Run(pipe);
        Assert.Contains("named pipe", Assert.ThrowsAny<CloudImageException>(() => FileDisk.Open(pipe)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_OfAFileThatWasCut_SaysSo()
    {
        string path = _folder.File("cut.raw");
        File.WriteAllBytes(path, new byte[100_000]);
        using FileDisk disk = FileDisk.Open(path);
        using (FileStream file = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            file.SetLength(50_000);
        }

        Assert.Contains("50000", Assert.ThrowsAny<CloudImageException>(() => disk.Read(new byte[100_000], 0)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_WhatAnotherProcessWrites_IsRefusedUnlessForced()
    {
        ExternalTool io = ExternalTool.Require("qemu-io");
        string path = _folder.File("guest.qcow2");
        ExternalTool.Require("qemu-img").Run("create", "-q", "-f", "qcow2", path, "4M");
        using Process guest = io.Start("-f", "qcow2", path);
        try
        {
            Converse(guest, "write -P 7 0 64k");
            Assert.Throws<DiskInUseException>(() => FileDisk.Open(path));
            Assert.Throws<DiskInUseException>(() => DiskImage.Open(path));
            Assert.Throws<DiskInUseException>(() => new FileImageEditor(path));
            using FileDisk forced = FileDisk.Open(path, true);
            Assert.True(forced.Length > 0);
        }
        finally
        {
            guest.StandardInput.WriteLine("quit");
            guest.WaitForExit();
        }

        using FileDisk free = FileDisk.Open(path);
    }

    [Fact]
    public void Open_WhatAnotherProcessReads_IsAllowed_AndKeepsWritersOut()
    {
        ExternalTool io = ExternalTool.Require("qemu-io");
        string path = _folder.File("shared.raw");
        File.WriteAllBytes(path, new byte[1 << 20]);
        using Process reader = io.Start("-r", "-f", "raw", path);
        try
        {
            Converse(reader, "read 0 512");
            using FileDisk disk = FileDisk.Open(path);
            using FileDisk again = FileDisk.Open(path);
            Assert.Throws<DiskInUseException>(() => new FileImageEditor(path));
            (int exitCode, string output, string error) = io.RunAnyway("-f", "raw", "-c", "write 0 512", path);
            Assert.True(exitCode != 0 || (output + error).Contains("lock", StringComparison.Ordinal), output + error);
        }
        finally
        {
            reader.StandardInput.WriteLine("quit");
            reader.WaitForExit();
        }

        using FileImageEditor editor = new(path);
        (int code, string text, string complaint) = io.RunAnyway("-r", "-f", "raw", "-c", "read 0 512", path);
        Assert.True(code != 0 || (text + complaint).Contains("lock", StringComparison.Ordinal), text + complaint);
    }

    [Fact]
    public void BlockDevice_IsASourceAndATarget()
    {
        if (!OperatingSystem.IsLinux() || geteuid() != 0 || !ExternalTool.Exists("losetup"))
        {
            Assert.Skip("Making a block device of a file needs root, Linux and losetup.");
        }

        ExternalTool setup = ExternalTool.Require("losetup");
        string path = _folder.File("device");
        byte[] old = new byte[8 << 20];
        old.AsSpan().Fill(0xdd);
        File.WriteAllBytes(path, old);
        (int exitCode, string output, string error) = setup.RunAnyway("-f", "--show", path);
        if (exitCode != 0)
        {
            Assert.Skip($"There is no loop device here: {error}");
        }

        string device = output.Trim();
        try
        {
            using TestDisk source = TestDisk.Random(3, (6 << 20) + 512, 70_000, true);
            using (DiskWriter abandoned = DiskImage.Create(device, source.Length, new RawOptions()))
            {
                source.CopyTo(abandoned, DiskCopyOptions.Default, null);
            }

            using (FileDisk looked = FileDisk.Open(device))
            {
                byte[] head = new byte[4096];
                looked.Read(head, 0);
                Assert.False(head.AsSpan().ContainsAnyExcept((byte)0), "What was not completed looks like something.");
            }

            using (DiskWriter writer = DiskImage.Create(device, source.Length, new RawOptions()))
            {
                source.CopyTo(writer, DiskCopyOptions.Default, null);
                writer.Complete();
            }

            using (FileDisk disk = FileDisk.Open(device))
            {
                Assert.Equal(8 << 20, disk.Length);
                Assert.Equal("device", disk.Info.Variant);
                Assert.Equal(512, disk.Info.LogicalSectorSize);
                byte[] content = new byte[disk.Length];
                disk.Read(content, 0);
                Assert.True(content.AsSpan(0, (int)source.Length).SequenceEqual(source.ToArray()));
                Assert.Equal(0xdd, content[^1]);
                Assert.Throws<DiskInUseException>(() => new BlockDeviceImageSink(device, WriteDurability.None));
            }

            using DiskWriter tooLong = DiskImage.Create(device, 9 << 20, new RawOptions());
            Assert.ThrowsAny<CloudImageException>(() => tooLong.Write(new byte[512], (9 << 20) - 512));
        }
        finally
        {
            setup.Run("-d", device);
        }
    }

    // Sends a command and waits until its answer shows that the image is open.
    private static void Converse(Process process, string command)
    {
        process.StandardInput.WriteLine(command);
        process.StandardInput.Flush();
        string? line;
        while ((line = process.StandardOutput.ReadLine()) is not null && !line.Contains("ops", StringComparison.Ordinal))
        {
        }

        Assert.NotNull(line);
    }

    [LibraryImport("libc")]
    private static partial uint geteuid();
}
