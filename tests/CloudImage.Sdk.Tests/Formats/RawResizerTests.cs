using System;
using System.IO;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Raw;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats;

public sealed class RawResizerTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly string _path;

    public RawResizerTests()
    {
        _path = _folder.File("disk.raw");
        byte[] content = new byte[3_000_000];
        content.AsSpan(0, 1_500_000).Fill(7);
        File.WriteAllBytes(_path, content);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Resize_ToMore_AddsZeros()
    {
        Resize(5_000_000, DiskResizeOptions.Default);
        byte[] content = File.ReadAllBytes(_path);
        Assert.Equal(5_000_000, content.Length);
        Assert.Equal(1_500_000, content.AsSpan().LastIndexOf((byte)7) + 1);
    }

    [Fact]
    public void Resize_CutsZeros_AndDataOnlyWhenTold()
    {
        Resize(1_500_000, DiskResizeOptions.Default);
        Assert.Contains("1499999", Assert.Throws<InvalidOperationException>(() => Resize(1_499_999, DiskResizeOptions.Default)).Message, StringComparison.Ordinal);
        Assert.Equal(1_500_000, new FileInfo(_path).Length);
        Resize(1000, new DiskResizeOptions { AllowDataLoss = true });
        Assert.Equal(1000, new FileInfo(_path).Length);
    }

    [Fact]
    public void Create_WithAParent_Throws() =>
        Assert.Throws<ArgumentException>(() => RawFormat.Instance.Create(new MemoryImageSink(), 512, new RawOptions { Parent = new DiskReference(DiskReferenceKind.Parent, "base") }));

    private void Resize(long length, DiskResizeOptions options)
    {
        using FileImageEditor editor = new(_path);
        RawFormat.Instance.Resize(editor, length, options);
    }
}
