using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Security.Cryptography;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.GceTar;
using CloudImage.Sdk.Formats.Qcow2;
using CloudImage.Sdk.Formats.Raw;
using CloudImage.Sdk.Formats.Vmdk;
using CloudImage.Sdk.OpenStack.Glance;
using CloudImage.Sdk.OpenStack.Tests.Support;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.OpenStack.Tests.Glance;

/// <summary>Images written to and read from Debian's Glance, with the tokens of Debian's Keystone.</summary>
public sealed class GlanceTests(KeystoneServer server)
{
    public static TheoryData<DiskCreateOptions, string> Formats { get; } = new()
    {
        { new Qcow2Options(), "qcow2" },
        { new RawOptions(), "raw" },
        { new VmdkOptions { Subformat = VmdkSubformat.StreamOptimized }, "vmdk" },
    };

    [Theory]
    [MemberData(nameof(Formats))]
    public async Task Image_Written_IsActiveVerifiedAndReadsBack(DiskCreateOptions format, string diskFormat)
    {
        using OpenStackConnection connection = await server.ConnectAsync();
        using VirtualDisk source = MakeDisk(24 << 20, 7);
        GlanceImage image = await WriteAsync(connection, source, format, new GlanceImageOptions
        {
            Name = $"tests {diskFormat}",
            Properties = new Dictionary<string, string> { ["os_distro"] = "debian", ["hw_firmware_type"] = "uefi" },
            Tags = ["tests", "nightly"],
            MinimumMemoryInMebibytes = 256,
        });
        Assert.Equal(("active", diskFormat, "bare", "private", 1), (image.Status, image.DiskFormat, image.ContainerFormat, image.Visibility, image.MinimumDiskInGibibytes));
        Assert.Equal(("debian", "uefi", "sha512"), (image.Properties["os_distro"], image.Properties["hw_firmware_type"], image.HashAlgorithm));

        await using (GlanceDisk container = await GlanceDisk.OpenAsync(connection, image.Id, HttpDiskOptions.Default))
        {
            Assert.Equal(image.Length, container.Length);
            byte[] content = new byte[container.Length];
            Assert.Equal(content.Length, await container.ReadAsync(content, 0));
            Assert.Equal(image.HashValue, Convert.ToHexStringLower(SHA512.HashData(content)));
            byte[] middle = new byte[70_001];
            Assert.Equal(middle.Length, container.Read(middle, 123_457));
            Assert.True(content.AsSpan(123_457, middle.Length).SequenceEqual(middle));
            Assert.Same(format.Format, container.DeclaredFormat);
        }

        await using VirtualDisk disk = await GlanceDisk.OpenImageAsync(connection, image.Id, DiskOpenOptions.Default);
        Assert.Equal(diskFormat, disk.Info.FormatName);
        Assert.True((await DiskComparer.CompareAsync(source, disk, new DiskCompareOptions(), null)).AreEqual);
    }

    /// <summary>Content that begins like a qcow2 is what it is declared to be: raw, as the cloud would boot it.</summary>
    [Fact]
    public async Task Image_DeclaredRaw_IsTakenAsRawWhateverItBeginsWith()
    {
        using OpenStackConnection connection = await server.ConnectAsync();
        await using MemoryDisk source = new("QFI\u00fb"u8.ToArray().Concat(new byte[1 << 20]).ToArray());
        GlanceImage image = await WriteAsync(connection, source, new RawOptions(), new GlanceImageOptions { Name = "tests disguised" });
        await using VirtualDisk disk = await GlanceDisk.OpenImageAsync(connection, image.Id, DiskOpenOptions.Default);
        Assert.Equal(("raw", source.Length), (disk.Info.FormatName, disk.Length));
    }

    [Fact]
    public async Task Writer_DisposedBeforeItIsComplete_LeavesNoImage()
    {
        using OpenStackConnection connection = await server.ConnectAsync();
        string id;
        await using (GlanceImageWriter writer = await GlanceImageWriter.CreateAsync(connection, 64 << 20, new RawOptions(), new GlanceImageOptions { Name = "tests given up" }))
        {
            id = writer.Image.Id;
            await writer.WriteAsync(new byte[8 << 20], 0);
            Assert.Equal("queued", writer.Image.Status);
        }

        OpenStackException exception = await Assert.ThrowsAsync<OpenStackException>(async () => await GlanceDisk.OpenAsync(connection, id, HttpDiskOptions.Default));
        Assert.Equal(HttpStatusCode.NotFound, exception.StatusCode);
    }

    [Fact]
    public async Task Writer_DisposedSynchronously_LeavesNoImage()
    {
        using OpenStackConnection connection = await server.ConnectAsync();
        GlanceImageWriter writer = await GlanceImageWriter.CreateAsync(connection, 1 << 20, new RawOptions(), new GlanceImageOptions { Name = "tests given up" });
        writer.Write(new byte[100], 0);
        writer.Dispose();
        await Assert.ThrowsAsync<OpenStackException>(async () => await GlanceDisk.OpenAsync(connection, writer.Image.Id, HttpDiskOptions.Default));
    }

    /// <summary>An image that is deleted under the upload is a clear failure, and nothing is left.</summary>
    [Fact]
    public async Task Upload_WhoseImageIsDeletedMeanwhile_Fails()
    {
        using OpenStackConnection connection = await server.ConnectAsync();
        await using GlanceImageWriter writer = await GlanceImageWriter.CreateAsync(connection, 64 << 20, new RawOptions(), new GlanceImageOptions { Name = "tests deleted" });
        await writer.WriteAsync(new byte[4 << 20], 0);
        Assert.True(await new GlanceClient(connection).DeleteAsync(writer.Image.Id, default));
        await Assert.ThrowsAsync<OpenStackException>(async () =>
        {
            await writer.WriteAsync(new byte[60 << 20], 4 << 20);
            await writer.CompleteAsync();
        });
    }

    [Fact]
    public async Task ProtectedImage_IsProtectedOnceItIsComplete()
    {
        using OpenStackConnection connection = await server.ConnectAsync();
        await using MemoryDisk source = new(new byte[1 << 20]);
        GlanceImage image = await WriteAsync(connection, source, new Qcow2Options(), new GlanceImageOptions { Name = "tests protected", IsProtected = true, MinimumDiskInGibibytes = 5 });
        Assert.True(image.IsProtected);
        Assert.Equal(5, image.MinimumDiskInGibibytes);
        OpenStackException exception = await Assert.ThrowsAsync<OpenStackException>(async () => await new GlanceClient(connection).DeleteAsync(image.Id, default));
        Assert.Equal(HttpStatusCode.Forbidden, exception.StatusCode);
    }

    [Fact]
    public async Task Format_WithoutANameInGlance_IsRefusedBeforeAnythingIsMade()
    {
        using OpenStackConnection connection = await server.ConnectAsync();
        ArgumentException exception = await Assert.ThrowsAsync<ArgumentException>(
            async () => await GlanceImageWriter.CreateAsync(connection, 1 << 30, new GceTarOptions(), new GlanceImageOptions { Name = "tests gce" }));
        Assert.Contains("gce", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Image_ThatDoesNotExist_IsNamed()
    {
        using OpenStackConnection connection = await server.ConnectAsync();
        string id = Guid.NewGuid().ToString();
        OpenStackException exception = await Assert.ThrowsAsync<OpenStackException>(async () => await GlanceDisk.OpenAsync(connection, id, HttpDiskOptions.Default));
        Assert.Contains(id, exception.Message, StringComparison.Ordinal);
    }

    private static async Task<GlanceImage> WriteAsync(OpenStackConnection connection, VirtualDisk source, DiskCreateOptions format, GlanceImageOptions options)
    {
        await using GlanceImageWriter writer = await GlanceImageWriter.CreateAsync(connection, source.Length, format, options);
        await source.CopyToAsync(writer, DiskCopyOptions.Default, null);
        await writer.CompleteAsync();
        return writer.Image;
    }

    private static MemoryDisk MakeDisk(int length, int seed)
    {
        byte[] content = new byte[length];
        new Random(seed).NextBytes(content.AsSpan(0, length / 3));
        new Random(seed + 1).NextBytes(content.AsSpan(length / 2, length / 8));
        return new MemoryDisk(content);
    }
}
