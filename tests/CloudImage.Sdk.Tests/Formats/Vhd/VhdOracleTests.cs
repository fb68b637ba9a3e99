using System;
using System.IO;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Raw;
using CloudImage.Sdk.Formats.Vhd;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Vhd;

/// <summary>What peers write is read, and what is written peers read.</summary>
public sealed class VhdOracleTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(VhdVariant.Dynamic, 512)]
    [InlineData(VhdVariant.Dynamic, (7 << 20) + 512)]
    [InlineData(VhdVariant.Dynamic, 64 << 20)]
    [InlineData(VhdVariant.Fixed, 3 << 20)]
    public void Written_IsReadByQemuImgAndLibvhdi(VhdVariant variant, int length)
    {
        ExternalTool qemu = ExternalTool.Require("qemu-img");
        using TestDisk source = TestDisk.Random(length, length, 65536, true);
        File.WriteAllBytes(_folder.File("disk.raw"), source.ToArray());
        Write("disk.vhd", source, new VhdOptions { Variant = variant });
        Assert.Contains("identical", qemu.Run("compare", "-f", "vpc", "-F", "raw", _folder.File("disk.vhd"), _folder.File("disk.raw")), StringComparison.Ordinal);
        VhdiOracle.AssertContent(source.ToArray(), _folder.File("disk.vhd"));
    }

    [Theory]
    [InlineData("dynamic", "off")]
    [InlineData("dynamic", "on")]
    [InlineData("fixed", "off")]
    [InlineData("fixed", "on")]
    public void WrittenByQemuImg_IsRead(string subformat, string forceSize)
    {
        ExternalTool qemu = ExternalTool.Require("qemu-img");
        using TestDisk source = TestDisk.Random(60, 9 << 20, 65536, true);
        File.WriteAllBytes(_folder.File("disk.raw"), source.ToArray());
        qemu.Run("convert", "-f", "raw", "-O", "vpc", "-o", $"subformat={subformat},force_size={forceSize}", _folder.File("disk.raw"), _folder.File("disk.vhd"));
        Assert.Same(VhdFormat.Instance, DiskImage.DetectFormat(_folder.File("disk.vhd")));
        using VirtualDisk disk = DiskImage.Open(_folder.File("disk.vhd"));
        byte[] read = ImageBytes.Read(disk);
        Assert.True(forceSize == "off" || read.Length == 9 << 20);
        ImageBytes.AssertEqual(source.ToArray(), read.AsSpan(0, 9 << 20));
        Assert.False(read.AsSpan(9 << 20).ContainsAnyExcept((byte)0));
        using FileDisk file = FileDisk.Open(_folder.File("disk.vhd"));
        Assert.Empty(VhdFormat.Instance.Check(file, DiskOpenOptions.Default).Problems);
    }

    [Fact]
    public void Written_IsNoLargerThanQemuImgs()
    {
        ExternalTool qemu = ExternalTool.Require("qemu-img");
        using TestDisk source = TestDisk.Random(61, 40 << 20, 1 << 20, true);
        File.WriteAllBytes(_folder.File("disk.raw"), source.ToArray());
        Write("disk.vhd", source, new VhdOptions());
        qemu.Run("convert", "-f", "raw", "-O", "vpc", _folder.File("disk.raw"), _folder.File("peer.vhd"));
        double ratio = new FileInfo(_folder.File("disk.vhd")).Length / (double)new FileInfo(_folder.File("peer.vhd")).Length;
        Assert.True(ratio < 1.003, $"The file has {ratio:P2} of the peer's size; the alignment to 4 KiB costs 0.17 %.");
    }

    [Fact]
    public void Resized_IsReadByQemuImg()
    {
        ExternalTool qemu = ExternalTool.Require("qemu-img");
        byte[] content = ImageBytes.Random(62, 5 << 20);
        Write("disk.vhd", new TestDisk(content), new VhdOptions());
        using (FileImageEditor editor = new(_folder.File("disk.vhd")))
        {
            VhdFormat.Instance.Resize(editor, 600L << 20, DiskResizeOptions.Default);
        }

        using (DiskWriter writer = DiskImage.Create(_folder.File("disk.raw"), 600L << 20, new RawOptions(), WriteDurability.None))
        {
            writer.Write(content, 0);
            writer.Complete();
        }

        Assert.Contains("identical", qemu.Run("compare", "-f", "vpc", "-F", "raw", _folder.File("disk.vhd"), _folder.File("disk.raw")), StringComparison.Ordinal);
    }

    private void Write(string name, VirtualDisk source, VhdOptions options)
    {
        using DiskWriter writer = DiskImage.Create(_folder.File(name), source.Length, options, WriteDurability.None);
        source.CopyTo(writer, DiskCopyOptions.Default, null);
        writer.Complete();
    }
}
