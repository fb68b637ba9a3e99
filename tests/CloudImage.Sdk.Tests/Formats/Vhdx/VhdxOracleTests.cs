using System;
using System.IO;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Raw;
using CloudImage.Sdk.Formats.Vhdx;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Vhdx;

/// <summary>What peers write is read, and what is written peers read and find in order.</summary>
public sealed class VhdxOracleTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(VhdxVariant.Dynamic, 512, 0)]
    [InlineData(VhdxVariant.Dynamic, (7 << 20) + 512, 0)]
    [InlineData(VhdxVariant.Dynamic, 64 << 20, 8 << 20)]
    [InlineData(VhdxVariant.Fixed, (5 << 20) + 512, 0)]
    public void Written_IsReadByQemuImgAndLibvhdi(VhdxVariant variant, int length, int blockSize)
    {
        ExternalTool qemu = ExternalTool.Require("qemu-img");
        using TestDisk source = TestDisk.Random(length, length, 65536, true);
        File.WriteAllBytes(_folder.File("disk.raw"), source.ToArray());
        Write("disk.vhdx", source, new VhdxOptions { Variant = variant, BlockSize = blockSize });
        qemu.Run("check", "-f", "vhdx", _folder.File("disk.vhdx"));
        Assert.Contains("identical", qemu.Run("compare", "-f", "vhdx", "-F", "raw", _folder.File("disk.vhdx"), _folder.File("disk.raw")), StringComparison.Ordinal);
        VhdiOracle.AssertContent(source.ToArray(), _folder.File("disk.vhdx"));
    }

    [Theory]
    [InlineData("dynamic", "1M", "on")]
    [InlineData("dynamic", "8M", "off")]
    [InlineData("fixed", "2M", "on")]
    public void WrittenByQemuImg_IsRead(string subformat, string blockSize, string zeroState)
    {
        ExternalTool qemu = ExternalTool.Require("qemu-img");
        using TestDisk source = TestDisk.Random(60, 9 << 20, 65536, true);
        File.WriteAllBytes(_folder.File("disk.raw"), source.ToArray());
        qemu.Run("convert", "-f", "raw", "-O", "vhdx", "-o", $"subformat={subformat},block_size={blockSize},block_state_zero={zeroState}", _folder.File("disk.raw"), _folder.File("disk.vhdx"));
        using VirtualDisk disk = DiskImage.Open(_folder.File("disk.vhdx"));
        ImageBytes.AssertEqual(source.ToArray(), ImageBytes.Read(disk));
        using FileDisk file = FileDisk.Open(_folder.File("disk.vhdx"));
        Assert.True(VhdxFormat.Instance.Check(file, DiskOpenOptions.Default).IsConsistent);
    }

    [Fact]
    public void Written_IsNoLargerThanQemuImgs()
    {
        ExternalTool qemu = ExternalTool.Require("qemu-img");
        using TestDisk source = TestDisk.Random(61, 40 << 20, 1 << 20, true);
        File.WriteAllBytes(_folder.File("disk.raw"), source.ToArray());
        Write("disk.vhdx", source, new VhdxOptions());
        qemu.Run("convert", "-f", "raw", "-O", "vhdx", _folder.File("disk.raw"), _folder.File("peer.vhdx"));
        Assert.True(new FileInfo(_folder.File("disk.vhdx")).Length <= new FileInfo(_folder.File("peer.vhdx")).Length);
    }

    [Theory]
    [InlineData(600L << 20)]
    [InlineData(150L << 30)]
    public void Resized_IsReadByQemuImgAndInOrder(long length)
    {
        ExternalTool qemu = ExternalTool.Require("qemu-img");
        byte[] content = ImageBytes.Random(62, 5 << 20);
        Write("disk.vhdx", new TestDisk(content), new VhdxOptions());
        using (FileImageEditor editor = new(_folder.File("disk.vhdx")))
        {
            VhdxFormat.Instance.Resize(editor, length, DiskResizeOptions.Default);
        }

        qemu.Run("check", "-f", "vhdx", _folder.File("disk.vhdx"));
        Assert.Contains($"({length} bytes)", qemu.Run("info", "-f", "vhdx", _folder.File("disk.vhdx")), StringComparison.Ordinal);
        if (length < 1L << 30)
        {
            using (DiskWriter writer = DiskImage.Create(_folder.File("disk.raw"), length, new RawOptions(), WriteDurability.None))
            {
                writer.Write(content, 0);
                writer.Complete();
            }

            Assert.Contains("identical", qemu.Run("compare", "-f", "vhdx", "-F", "raw", _folder.File("disk.vhdx"), _folder.File("disk.raw")), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void CutOffResize_IsReplayedByQemuImgToTheSameDisk()
    {
        ExternalTool qemu = ExternalTool.Require("qemu-img");
        byte[] content = ImageBytes.Random(63, 1_000_448);
        byte[] before = ImageBytes.Of(new TestDisk(content), new VhdxOptions());
        int replayed = 0;
        CrashingImageEditor.TryEveryCrash(
            before,
            static editor => VhdxFormat.Instance.Resize(editor, 3 << 20, DiskResizeOptions.Default),
            (image, what) =>
            {
                using VirtualDisk disk = VhdxFormat.Instance.Open(new MemoryDisk(image), DiskOpenOptions.Default);
                if (!disk.Info.IsDirty || replayed >= 3)
                {
                    return;
                }

                replayed++;
                File.WriteAllBytes(_folder.File("dirty.vhdx"), image);
                Assert.NotEqual(0, qemu.RunAnyway("check", "-f", "vhdx", _folder.File("dirty.vhdx")).ExitCode);
                Assert.False(VhdxFormat.Instance.Check(new MemoryDisk(image), DiskOpenOptions.Default).IsConsistent, what);
                qemu.Run("check", "-r", "all", "-f", "vhdx", _folder.File("dirty.vhdx"));
                File.WriteAllBytes(_folder.File("disk.raw"), ImageBytes.Read(disk));
                Assert.Contains("identical", qemu.Run("compare", "-f", "vhdx", "-F", "raw", _folder.File("dirty.vhdx"), _folder.File("disk.raw")), StringComparison.Ordinal);
            },
            20);
        Assert.True(replayed > 0);
    }

    [Theory]
    [InlineData(6UL | (1UL << 20))]
    [InlineData(6UL | (3UL << 20))]
    [InlineData(6UL | (1UL << 40))]
    [InlineData(2UL)]
    [InlineData(0UL)]
    public void Check_OfAChangedEntry_HasQemuImgsVerdict(ulong entry)
    {
        ExternalTool qemu = ExternalTool.Require("qemu-img");
        byte[] image = VhdxBytes.WithEntry(ImageBytes.Of(new TestDisk(ImageBytes.Random(64, 3 << 20)), new VhdxOptions()), 1, entry);
        File.WriteAllBytes(_folder.File("disk.vhdx"), image);
        bool isConsistent = VhdxFormat.Instance.Check(new MemoryDisk(image), DiskOpenOptions.Default).IsConsistent;
        Assert.Equal(qemu.RunAnyway("check", "-f", "vhdx", _folder.File("disk.vhdx")).ExitCode == 0, isConsistent);
    }

    private void Write(string name, VirtualDisk source, VhdxOptions options)
    {
        using DiskWriter writer = DiskImage.Create(_folder.File(name), source.Length, options, WriteDurability.None);
        source.CopyTo(writer, DiskCopyOptions.Default, null);
        writer.Complete();
    }
}
