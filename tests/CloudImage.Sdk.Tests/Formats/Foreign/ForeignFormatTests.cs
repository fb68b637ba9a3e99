using System;
using System.Text;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Raw;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Foreign;

public sealed class ForeignFormatTests
{
    [Theory]
    [InlineData("parallels", 0, "WithoutFreeSpace")]
    [InlineData("parallels", 0, "WithouFreSpacExt")]
    [InlineData("qed", 0, "QED\0")]
    [InlineData("dmg", 100_000 - 512, "koly\0\0\0\u0004\0\0\u0002\0")]
    [InlineData("luks", 0, "LUKS\u00ba\u00be\0\u0001")]
    [InlineData("luks", 0, "LUKS\u00ba\u00be\0\u0002")]
    [InlineData("iso", 0x8001, "CD001\u0001")]
    public void Open_ForeignFile_IsNamedAndNeverRaw(string name, int fileOffset, string mark)
    {
        byte[] file = new byte[100_000];
        Encoding.Latin1.GetBytes(mark, file.AsSpan(fileOffset));
        UnsupportedDiskFeatureException exception = Assert.Throws<UnsupportedDiskFeatureException>(() => DiskImage.Open(new MemoryDisk(file), DiskOpenOptions.Default));
        Assert.Equal(name, exception.Format);
        Assert.Equal(fileOffset, exception.Offset);
        Assert.Equal(name, DiskImage.DetectFormat(new MemoryDisk(file))?.Name);
        using VirtualDisk raw = DiskImage.Open(new MemoryDisk(file), new DiskOpenOptions { Format = RawFormat.Instance });
        Assert.Equal(file.Length, raw.Length);
    }

    [Theory]
    [InlineData("QED\0")]
    [InlineData("LUKS\u00ba\u00be\0\u0001")]
    public void OpenSequential_ForeignStream_IsRefused(string mark)
    {
        byte[] file = new byte[100_000];
        Encoding.Latin1.GetBytes(mark, file);
        Assert.Throws<NotSupportedException>(() => DiskImage.OpenSequential(new ForwardStream(file), DiskOpenOptions.Default));
    }

    [Fact]
    public void Inspect_ForeignFile_NamesTheFormatAsAConcern()
    {
        byte[] file = new byte[100_000];
        "QED\0"u8.CopyTo(file);
        DiskInspection inspection = DiskImage.Inspect(new MemoryDisk(file), DiskOpenOptions.Default);
        Assert.False(inspection.IsSafe);
        Assert.Null(inspection.Info);
        Assert.Contains(inspection.Concerns, static concern => concern.Message.Contains("qed", StringComparison.Ordinal));
    }

    [Fact]
    public void DetectFormat_ShortFile_IsNotForeign() => Assert.Null(DiskImage.DetectFormat(new MemoryDisk(new byte[3])));
}
