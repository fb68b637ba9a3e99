using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Ova;
using CloudImage.Sdk.Formats.Qcow2;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Tests.Formats.Archives;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Ova;

public sealed class OvaFormatTests
{
    private static readonly byte[] s_content = OvaTestPackage.Content(1, 3 << 20);
    private static readonly byte[] s_other = OvaTestPackage.Content(2, 1 << 20);
    private static readonly byte[] s_vmdk = OvaTestPackage.Vmdk(s_content);
    private static readonly byte[] s_otherVmdk = OvaTestPackage.Vmdk(s_other);

    public static IEnumerable<TheoryDataRow<string>> Kinds => ((string[])["plain", "gzip", "chunks", "gzip chunks", "sha1", "escaped name", "manifest last", "qcow2"]).Select(static kind => new TheoryDataRow<string>(kind));

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Open_EveryKindOfPackage_ReadsTheDisk(string kind)
    {
        byte[] archive = Make(kind);
        Assert.Same(OvaFormat.Instance, DiskImage.DetectFormat(new MemoryDisk(archive)));
        using VirtualDisk disk = DiskImage.Open(new MemoryDisk(archive), DiskOpenOptions.Default);
        AssertContent(s_content, disk);
        Assert.Equal("ova", disk.Info.FormatName);
        Assert.Equal("web & mail", disk.Info.Details["name"]);
        Assert.Equal("vmx-11", disk.Info.Details["hardware-version"]);
        Assert.Equal((8L << 30).ToString(), disk.Info.Details["memory"]);
        Assert.True(OvaFormat.Instance.Check(new MemoryDisk(archive), DiskOpenOptions.Default).IsConsistent);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task OpenSequential_EveryKindOfPackage_DeliversTheDisk(string kind)
    {
        byte[] archive = Make(kind);
        if (kind == "qcow2")
        {
            Assert.Throws<NotSupportedException>(() => DiskImage.OpenSequential(new ForwardStream(archive), DiskOpenOptions.Default));
            return;
        }

        foreach (bool isAsync in (bool[])[true, false])
        {
            using SequentialDiskSource source = DiskImage.OpenSequential(new ForwardStream(archive), DiskOpenOptions.Default);
            byte[] content = new byte[s_content.Length];
            byte[] buffer = new byte[1 << 18];
            while ((isAsync ? await source.ReadNextAsync(buffer) : source.ReadNext(buffer)) is { Length: > 0 } extent)
            {
                if (extent.Kind == DiskExtentKind.Data)
                {
                    buffer.AsSpan(0, (int)extent.Length).CopyTo(content.AsSpan((int)extent.Offset));
                }
            }

            Assert.True(s_content.AsSpan().SequenceEqual(content));
        }
    }

    [Fact]
    public void Open_SeveralDisks_AreChosenByNameIdAndNumber()
    {
        byte[] archive = Make("several");
        foreach ((string? name, byte[] content) in ((string?, byte[])[])[(null, s_content), ("0", s_content), ("disk0", s_content), ("b.vmdk", s_other), ("1", s_other), ("disk1", s_other)])
        {
            DiskOpenOptions options = new() { DiskName = name };
            using VirtualDisk disk = DiskImage.Open(new MemoryDisk(archive), options);
            AssertContent(content, disk);
            Assert.Contains("a.vmdk", disk.Info.Details["disk-0"], StringComparison.Ordinal);
            Assert.Contains("b.vmdk", disk.Info.Details["disk-1"], StringComparison.Ordinal);
            using SequentialDiskSource source = DiskImage.OpenSequential(new ForwardStream(archive), options);
            Assert.Equal(content.Length, source.Length);
        }

        Assert.Throws<DiskReferenceException>(() => DiskImage.Open(new MemoryDisk(archive), new DiskOpenOptions { DiskName = "2" }));
    }

    [Fact]
    public void Open_MembersInAnyOrder_ReadsTheDisk()
    {
        string descriptor = OvaTestPackage.Descriptor(("a.vmdk", s_content.Length, string.Empty, string.Empty));
        byte[] archive = new TarBuilder().Add("a.vmdk", s_vmdk).Add("vm.cert", "x").Add("vm.ovf", descriptor).Build();
        using VirtualDisk disk = DiskImage.Open(new MemoryDisk(archive), DiskOpenOptions.Default);
        AssertContent(s_content, disk);
        UnsupportedDiskFeatureException exception = Assert.Throws<UnsupportedDiskFeatureException>(() => DiskImage.OpenSequential(new ForwardStream(archive), DiskOpenOptions.Default));
        Assert.Contains("before the descriptor", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("SHA1")]
    [InlineData("SHA256")]
    [InlineData("SHA512")]
    public async Task Verify_ChangedDisk_IsFoundInFileAndPipe(string algorithm)
    {
        string descriptor = OvaTestPackage.Descriptor(("a.vmdk", s_content.Length, string.Empty, string.Empty));
        string manifest = OvaTestPackage.ManifestLine(algorithm, "vm.ovf", Encoding.UTF8.GetBytes(descriptor)) + OvaTestPackage.ManifestLine(algorithm, "a.vmdk", s_vmdk);
        byte[] archive = OvaTestPackage.Package(descriptor, manifest, ("a.vmdk", s_vmdk));
        using (OvaPackage package = OvaPackage.Open(new MemoryDisk(archive), DiskOpenOptions.Default))
        {
            Assert.Empty(package.Verify());
            Assert.Empty(await package.VerifyAsync(TestContext.Current.CancellationToken));
            Assert.Equal(["vm.ovf", "vm.mf", "a.vmdk"], package.FileNames);
        }

        // A byte of the embedded descriptor's padding: every reader of the disk itself overlooks it.
        byte[] changed = [.. s_vmdk];
        changed[10_000] ^= 1;
        archive = OvaTestPackage.Package(descriptor, manifest, ("a.vmdk", changed));
        using (OvaPackage package = OvaPackage.Open(new MemoryDisk(archive), DiskOpenOptions.Default))
        {
            Assert.Contains("a.vmdk", Assert.Single(package.Verify()).Message, StringComparison.Ordinal);
        }

        Assert.False(OvaFormat.Instance.Check(new MemoryDisk(archive), DiskOpenOptions.Default).IsConsistent);
        using SequentialDiskSource source = DiskImage.OpenSequential(new ForwardStream(archive), DiskOpenOptions.Default);
        Assert.Throws<DiskFormatException>(() =>
        {
            byte[] buffer = new byte[1 << 20];
            while (source.ReadNext(buffer).Length > 0)
            {
            }
        });
    }

    [Fact]
    public void Create_FileAndPipe_GiveTheSamePackage()
    {
        byte[] file = Write(new MemoryImageSink(), static sink => sink.ToArray());
        using MemoryStream pipe = new();
        byte[] piped = Write(new StreamImageSink(new ForwardOnlyStream(pipe), false), _ => pipe.ToArray());

        // Each disk bears a content id of its own: what is compared is what the package says and holds.
        foreach (byte[] archive in (byte[][])[file, piped])
        {
            using OvaPackage package = OvaPackage.Open(new MemoryDisk(archive), DiskOpenOptions.Default);
            Assert.Equal(["vm.ovf", "vm.mf", "vm-disk1.vmdk"], package.FileNames);
            Assert.Empty(package.Verify());
            Assert.Equal("vmx-17", package.Descriptor.HardwareVersion);
            Assert.Equal(3, package.Descriptor.ProcessorCount);
            Assert.Equal(1L << 30, package.Descriptor.MemoryLength);
            OvfDisk disk = Assert.Single(package.Descriptor.Disks);
            Assert.Equal(s_content.Length, disk.Capacity);
            using VirtualDisk bytes = package.OpenFile("vm-disk1.vmdk");
            Assert.Equal(bytes.Length, disk.File!.Length);
            using VirtualDisk opened = package.OpenDisk(null);
            AssertContent(s_content, opened);
            Assert.True(OvaFormat.Instance.Check(new MemoryDisk(archive), DiskOpenOptions.Default).IsClean);
        }
    }

    [Fact]
    public void Create_PipeWithTooLittleSpoolSpace_Throws()
    {
        using TestDisk source = new(s_content);
        using DiskWriter writer = OvaFormat.Instance.Create(new StreamImageSink(new ForwardOnlyStream(new MemoryStream()), false), source.Length, new OvaOptions { MaxSpoolLength = 65536 });
        CloudImageException exception = Assert.ThrowsAny<CloudImageException>(() =>
        {
            source.CopyTo(writer, DiskCopyOptions.Default, null);
            writer.Complete();
        });
        Assert.Contains("MaxSpoolLength", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tar_ExtractsWhatWasWritten()
    {
        ExternalTool tar = ExternalTool.Require("tar");
        ExternalTool qemu = ExternalTool.Require("qemu-img");
        using TempFolder folder = new();
        using (TestDisk source = new(s_content))
        using (DiskWriter writer = DiskImage.Create(folder.File("vm.ova"), source.Length, new OvaOptions()))
        {
            source.CopyTo(writer, DiskCopyOptions.Default, null);
            writer.Complete();
        }

        Assert.Equal("vm.ovf\nvm.mf\nvm-disk1.vmdk\n", tar.Run("-tf", folder.File("vm.ova")));
        tar.Run("-xf", folder.File("vm.ova"), "-C", folder.Path);
        File.WriteAllBytes(folder.File("raw"), s_content);
        qemu.Run("compare", "-f", "vmdk", "-F", "raw", folder.File("vm-disk1.vmdk"), folder.File("raw"));
    }

    [Theory]
    [InlineData("hwversion", "19", true)]
    [InlineData("firmware", "efi", true)]
    [InlineData("nic", "none", true)]
    [InlineData("cpus", "0", false)]
    [InlineData("firmware", "coreboot", false)]
    [InlineData("colour", "red", false)]
    public void ParseOptions_KnowsItsNames(string name, string value, bool isValid)
    {
        Dictionary<string, string> settings = new() { [name] = value };
        if (isValid)
        {
            Assert.IsType<OvaOptions>(OvaFormat.Instance.ParseOptions(settings));
        }
        else
        {
            Assert.ThrowsAny<ArgumentException>(() => OvaFormat.Instance.ParseOptions(settings));
        }
    }

    private static byte[] Write<T>(T sink, Func<T, byte[]> result)
        where T : ImageSink
    {
        using TestDisk source = new(s_content);
        using DiskWriter writer = OvaFormat.Instance.Create(sink, source.Length, new OvaOptions { Name = "vm", HardwareVersion = 17, ProcessorCount = 3, MemoryInMebibytes = 1024 });
        source.CopyTo(writer, DiskCopyOptions.Default, null);
        writer.Complete();
        return result(sink);
    }

    private static byte[] Make(string kind)
    {
        switch (kind)
        {
            case "gzip":
                return OvaTestPackage.Package(OvaTestPackage.Descriptor(("a.vmdk.gz", s_content.Length, "ovf:compression=\"gzip\"", string.Empty)), null, ("a.vmdk.gz", TarBuilder.Gzip(s_vmdk)));
            case "chunks":
                return OvaTestPackage.Package(
                    OvaTestPackage.Descriptor(("a.vmdk", s_content.Length, "ovf:chunkSize=\"1000000\"", string.Empty)), null, Chunks(s_vmdk, 1_000_000));
            case "gzip chunks":
                return OvaTestPackage.Package(
                    OvaTestPackage.Descriptor(("a.vmdk", s_content.Length, "ovf:compression=\"gzip\" ovf:chunkSize=\"700000\"", string.Empty)), null, Chunks(TarBuilder.Gzip(s_vmdk), 700_000));
            case "sha1":
                string descriptor = OvaTestPackage.Descriptor(("a.vmdk", s_content.Length, string.Empty, string.Empty));
                return OvaTestPackage.Package(
                    descriptor, OvaTestPackage.ManifestLine("SHA1", "vm.ovf", Encoding.UTF8.GetBytes(descriptor)) + OvaTestPackage.ManifestLine("SHA1", "a.vmdk", s_vmdk), ("a.vmdk", s_vmdk));
            case "escaped name":
                return OvaTestPackage.Package(OvaTestPackage.Descriptor(("my%20disk.vmdk", s_content.Length, string.Empty, string.Empty)), null, ("my disk.vmdk", s_vmdk));
            case "manifest last":
                string last = OvaTestPackage.Descriptor(("a.vmdk", s_content.Length, string.Empty, string.Empty));
                string lines = OvaTestPackage.ManifestLine("SHA256", "a.vmdk", s_vmdk) + OvaTestPackage.ManifestLine("SHA256", "vm.ovf", Encoding.UTF8.GetBytes(last));
                return OvaTestPackage.Package(last, null, ("a.vmdk", s_vmdk), ("vm.mf", Encoding.UTF8.GetBytes(lines)));
            case "qcow2":
                return OvaTestPackage.Package(OvaTestPackage.Descriptor(("a", s_content.Length, string.Empty, string.Empty)), null, ("a", OvaTestPackage.Image(s_content, new Qcow2Options())));
            case "several":
                return OvaTestPackage.Package(
                    OvaTestPackage.Descriptor(("a.vmdk", s_content.Length, string.Empty, string.Empty), ("b.vmdk", s_other.Length, string.Empty, string.Empty)), null, ("a.vmdk", s_vmdk), ("b.vmdk", s_otherVmdk));
            default:
                return OvaTestPackage.Simple(s_content);
        }
    }

    private static (string Name, byte[] Content)[] Chunks(byte[] content, int length) =>
        [.. content.Chunk(length).Select(static (chunk, index) => ($"a.vmdk.{index:000000000}", chunk))];

    private static void AssertContent(byte[] expected, VirtualDisk disk)
    {
        Assert.Equal(expected.Length, disk.Length);
        byte[] content = new byte[expected.Length];
        Assert.Equal(content.Length, disk.Read(content, 0));
        Assert.True(expected.AsSpan().SequenceEqual(content));
    }
}
