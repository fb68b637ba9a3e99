using System;
using System.Globalization;
using System.IO;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Vmdk;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Vmdk;

/// <summary>What qemu-img and libvmdk write and read, against what is written and read here.</summary>
public sealed class VmdkDifferentialTests
{
    [Theory]
    [InlineData("monolithicSparse", 512)]
    [InlineData("monolithicSparse", (5 << 20) + 512)]
    [InlineData("streamOptimized", 512)]
    [InlineData("streamOptimized", (5 << 20) + 512)]
    [InlineData("monolithicFlat", (5 << 20) + 512)]
    [InlineData("twoGbMaxExtentSparse", (5 << 20) + 512)]
    [InlineData("twoGbMaxExtentFlat", (5 << 20) + 512)]
    public void QemuImage_IsReadEqual_AndOursByQemu(string subformat, int length)
    {
        ExternalTool qemu = ExternalTool.Require("qemu-img");
        using TempFolder folder = new();
        byte[] content = VmdkSamples.Content(length, length);
        File.WriteAllBytes(folder.File("in.raw"), content);
        qemu.Run("convert", "-f", "raw", "-O", "vmdk", "-o", $"subformat={subformat}", folder.File("in.raw"), folder.File("q.vmdk"));
        using (VirtualDisk disk = Open(folder.File("q.vmdk")))
        {
            Assert.Equal(content, VmdkSamples.ReadAll(disk));
            Write(disk, folder.File("o.vmdk"), subformat);
        }

        qemu.Run("compare", "-f", "vmdk", "-F", "raw", folder.File("o.vmdk"), folder.File("in.raw"));
        using VirtualDisk ours = Open(folder.File("o.vmdk"));
        Assert.Equal(content, VmdkSamples.ReadAll(ours));
        Assert.Equal(subformat, ours.Info.Variant);
    }

    [Theory]
    [InlineData("monolithicSparse")]
    [InlineData("streamOptimized")]
    [InlineData("twoGbMaxExtentSparse")]
    [InlineData("twoGbMaxExtentFlat")]
    public void SplitAndLargeSparseDisk_IsReadEqual_BothWays(string subformat)
    {
        ExternalTool qemu = ExternalTool.Require("qemu-img");
        ExternalTool io = ExternalTool.Require("qemu-io");
        using TempFolder folder = new();
        qemu.Run("create", "-f", "raw", folder.File("in.raw"), "5G");
        io.Run("-f", "raw", "-c", "write -P 7 0 64k", "-c", "write -P 8 2047M 2M", "-c", "write -P 9 4096M 4k", "-c", "write -P 1 5119M 1M", folder.File("in.raw"));
        qemu.Run("convert", "-f", "raw", "-O", "vmdk", "-o", $"subformat={subformat}", folder.File("in.raw"), folder.File("q.vmdk"));
        using (VirtualDisk disk = Open(folder.File("q.vmdk")))
        using (VirtualDisk raw = DiskImage.Open(folder.File("in.raw"), new DiskOpenOptions { Format = DiskFormatRegistry.Default.Find("raw") }))
        {
            Assert.True(DiskComparer.Compare(disk, raw, DiskCompareOptions.Default, null, TestContext.Current.CancellationToken).AreEqual);
            Write(disk, folder.File("o.vmdk"), subformat);
        }

        qemu.Run("compare", "-f", "vmdk", "-F", "raw", folder.File("o.vmdk"), folder.File("in.raw"));
        Assert.True(SizeOf(folder, "o*") <= SizeOf(folder, "q*") + 1024, $"{SizeOf(folder, "o*")} bytes against {SizeOf(folder, "q*")}.");
    }

    [Fact]
    public void Child_OfQemu_ReadsThroughItsParent_AndOursByQemu()
    {
        ExternalTool qemu = ExternalTool.Require("qemu-img");
        ExternalTool io = ExternalTool.Require("qemu-io");
        using TempFolder folder = new();
        byte[] content = VmdkSamples.Content(4 << 20, 9);
        File.WriteAllBytes(folder.File("in.raw"), content);
        qemu.Run("convert", "-f", "raw", "-O", "vmdk", folder.File("in.raw"), folder.File("parent.vmdk"));
        qemu.Run("create", "-f", "vmdk", "-b", folder.File("parent.vmdk"), "-F", "vmdk", "-o", "zeroed_grain=on", folder.File("child.vmdk"));
        io.Run("-f", "vmdk", "-c", "write -P 5 1M 100k", "-c", "write -z 2M 128k", folder.File("child.vmdk"));
        content.AsSpan(1 << 20, 100 << 10).Fill(5);
        content.AsSpan(2 << 20, 128 << 10).Clear();
        AbsoluteResolver resolver = new();
        string parentId;
        using (VirtualDisk child = DiskImage.Open(folder.File("child.vmdk"), new DiskOpenOptions { References = resolver }))
        {
            Assert.Equal(content, VmdkSamples.ReadAll(child));
            parentId = child.Info.References[0].LinkageId!;
            WriteChild(child, parentId, folder);
        }

        File.WriteAllBytes(folder.File("expected.raw"), content);
        qemu.Run("compare", "-f", "vmdk", "-F", "raw", folder.File("ours.vmdk"), folder.File("expected.raw"));
        qemu.Run("check", "-f", "vmdk", folder.File("ours.vmdk"));
        using VirtualDisk alone = DiskImage.Open(folder.File("child.vmdk"));
        Assert.Throws<DiskReferenceException>(() => VmdkSamples.ReadAll(alone));
    }

    private static void WriteChild(VirtualDisk content, string parentId, TempFolder folder)
    {
        using VirtualDisk parent = DiskImage.Open(folder.File("parent.vmdk"));
        VmdkOptions options = new()
        {
            UseZeroedGrains = true,
            Parent = new DiskReference(DiskReferenceKind.Parent, folder.File("parent.vmdk")) { LinkageId = parentId },
        };
        using DiskWriter writer = DiskImage.Create(folder.File("ours.vmdk"), content.Length, options);
        DiskCopier.Copy(content, writer, new DiskCopyOptions { Parent = parent }, null, TestContext.Current.CancellationToken);
        writer.Complete();
    }

    [Fact]
    public void OurImages_AreReadEqualByLibvmdk()
    {
        ExternalTool python = ExternalTool.Require("/usr/bin/python3");
        if (python.RunAnyway("-c", "import pyvmdk").ExitCode != 0)
        {
            ExternalTool.SkipOrFail("python3-libvmdk is not installed.");
        }

        using TempFolder folder = new();
        byte[] content = VmdkSamples.Content((3 << 20) + 65536, 4);
        File.WriteAllBytes(folder.File("in.raw"), content);
        foreach (VmdkSubformat subformat in (VmdkSubformat[])[VmdkSubformat.MonolithicSparse, VmdkSubformat.StreamOptimized, VmdkSubformat.TwoGbMaxExtentSparse, VmdkSubformat.MonolithicFlat])
        {
            string path = folder.File($"{subformat}.vmdk");
            using (DiskWriter writer = DiskImage.Create(path, content.Length, new VmdkOptions { Subformat = subformat }))
            {
                writer.Write(content, 0);
                writer.Complete();
            }

            const string Script = "import pyvmdk,sys,hashlib\nh=pyvmdk.handle()\nh.open(sys.argv[1])\nh.open_extent_data_files()\nd=h.read(h.get_media_size())\nprint(hashlib.sha256(d).hexdigest())";
            string digest = python.Run("-c", Script, path).Trim();
            Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(content)), digest);
        }
    }

    private static VirtualDisk Open(string path) => DiskImage.Open(path, new DiskOpenOptions { References = DirectoryReferenceResolver.Beside(path) });

    private static void Write(VirtualDisk disk, string path, string subformat)
    {
        DiskCreateOptions options = VmdkFormat.Instance.ParseOptions(new System.Collections.Generic.Dictionary<string, string> { ["subformat"] = subformat });
        using DiskWriter writer = DiskImage.Create(path, disk.Length, options);
        DiskCopier.Copy(disk, writer, DiskCopyOptions.Default, null, TestContext.Current.CancellationToken);
        writer.Complete();
    }

    private static long SizeOf(TempFolder folder, string pattern)
    {
        long sum = 0;
        foreach (string path in Directory.EnumerateFiles(folder.Path, pattern))
        {
            sum += new FileInfo(path).Length;
        }

        return sum;
    }

    private sealed class AbsoluteResolver : BackingFileResolver
    {
        protected override System.Threading.Tasks.ValueTask<VirtualDisk?> ResolveCoreAsync(DiskReference reference, IoMode mode, System.Threading.CancellationToken cancellationToken) =>
            System.Threading.Tasks.ValueTask.FromResult<VirtualDisk?>(File.Exists(reference.Name) ? FileDisk.Open(reference.Name) : null);
    }
}
