using System;
using System.IO;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.IO;

public sealed class FileImageSinkTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(WriteDurability.Flush)]
    [InlineData(WriteDurability.None)]
    public async Task Complete_MakesTheFileAppear(WriteDurability durability)
    {
        string path = _folder.File("new");
        using (FileImageSink sink = new(path, durability))
        {
            await sink.WriteAsync(new byte[] { 1, 2, 3 }, 5, TestContext.Current.CancellationToken);
            sink.SetLength(10);
            await sink.FlushAsync(TestContext.Current.CancellationToken);
            Assert.False(File.Exists(path));
            await sink.CompleteAsync(TestContext.Current.CancellationToken);
            Assert.Throws<InvalidOperationException>(() => sink.Write([1], 0));
        }

        Assert.Equal([0, 0, 0, 0, 0, 1, 2, 3, 0, 0], File.ReadAllBytes(path));
        Assert.Single(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task Complete_ReplacesAFileAndKeepsItsMode()
    {
        string path = _folder.File("old");
        File.WriteAllBytes(path, [9, 9]);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        using (FileImageSink sink = new(path, WriteDurability.Flush))
        {
            sink.Write([1], 0);
            Assert.Equal([9, 9], File.ReadAllBytes(path));
            await sink.CompleteAsync(TestContext.Current.CancellationToken);
        }

        Assert.Equal([1], File.ReadAllBytes(path));
        Assert.True(OperatingSystem.IsWindows() || File.GetUnixFileMode(path) == (UnixFileMode.UserRead | UnixFileMode.UserWrite));
        Assert.Single(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task Complete_ThroughALink_ReplacesWhatItLeadsTo()
    {
        string target = _folder.File("target");
        string link = _folder.File("link");
        File.WriteAllBytes(target, [9]);
        File.CreateSymbolicLink(link, target);
        using (FileImageSink sink = new(link, WriteDurability.None))
        {
            sink.Write([1, 2], 0);
            await sink.CompleteAsync(TestContext.Current.CancellationToken);
        }

        Assert.Equal([1, 2], File.ReadAllBytes(target));
        Assert.NotNull(new FileInfo(link).LinkTarget);
    }

    [Fact]
    public void Dispose_WithoutComplete_LeavesNothing()
    {
        string path = _folder.File("kept");
        File.WriteAllBytes(path, [9]);
        using (FileImageSink sink = new(path, WriteDurability.Flush))
        {
            sink.Write(new byte[100_000], 0);
        }

        Assert.Equal([9], File.ReadAllBytes(path));
        Assert.Single(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task CreateSibling_WritesBeside_AndTakesPlainNamesAlone()
    {
        using FileImageSink sink = new(_folder.File("first"), WriteDurability.None);
        Assert.Throws<ArgumentException>(() => sink.CreateSibling("../out"));
        Assert.Throws<ArgumentException>(() => sink.CreateSibling(".."));
        using ImageSink sibling = sink.CreateSibling("second");
        sibling.Write([7], 0);
        await sibling.CompleteAsync(TestContext.Current.CancellationToken);
        Assert.Equal([7], File.ReadAllBytes(_folder.File("second")));
    }

    [Fact]
    public void Create_WhereNoFileCanBe_SaysSo()
    {
        Assert.Throws<DirectoryNotFoundException>(() => new FileImageSink(_folder.File("no/such/folder"), WriteDurability.None));
        Assert.ThrowsAny<CloudImageException>(() => new FileImageSink(_folder.Path, WriteDurability.None));
        if (OperatingSystem.IsLinux())
        {
            Assert.ThrowsAny<CloudImageException>(() => new FileImageSink("/dev/null", WriteDurability.None));
        }
    }

    [Fact]
    public async Task StreamSink_TakesWritesInOrderAlone()
    {
        using MemoryStream stream = new();
        using StreamImageSink sink = new(stream, true);
        Assert.True(sink.IsSequential);
        sink.Write([1, 2], 0);
        await sink.WriteAsync(new byte[] { 3 }, 2, TestContext.Current.CancellationToken);
        Assert.Throws<InvalidOperationException>(() => sink.Write([4], 4));
        Assert.Throws<InvalidOperationException>(() => sink.SetLength(4));
        Assert.Throws<NotSupportedException>(() => sink.CreateSibling("second"));
        sink.SetLength(3);
        await sink.CompleteAsync(TestContext.Current.CancellationToken);
        Assert.Equal([1, 2, 3], stream.ToArray());
    }
}
