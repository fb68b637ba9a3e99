using System;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Storage;

public class DirectoryObjectStoreTests : ObjectStoreConformanceTests
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), "cloudimage-store-" + Guid.NewGuid().ToString("n"), "repository");

    internal virtual DirectoryObjectStoreOptions Options => new() { Durability = WriteDurability.None };

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        string parent = Path.GetDirectoryName(_path)!;
        if (Directory.Exists(parent))
        {
            Directory.Delete(parent, recursive: true);
        }

        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task AfterEverything_NoTemporaryFileIsLeft()
    {
        await Store.TryCreateAsync("a/1", new byte[1000], ObjectCreateOptions.Default);
        await Store.TryCreateAsync("a/1", new byte[1000], ObjectCreateOptions.Default);
        await using (ObjectUpload upload = await Store.BeginCreateAsync("a/2", ObjectCreateOptions.Default))
        {
            await upload.AppendAsync(new byte[5000]);
        }

        string[] files = [.. Directory.EnumerateFiles(_path, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(_path, file))];
        Assert.Equal(["a/1"], files.Select(file => file.Replace(Path.DirectorySeparatorChar, '/')));
    }

    [Fact]
    public async Task Links_BelowTheDirectory_AreRefused()
    {
        string outside = Path.Combine(Path.GetDirectoryName(_path)!, "outside");
        Directory.CreateDirectory(outside);
        Directory.CreateDirectory(Path.Combine(_path, "a"));
        await File.WriteAllTextAsync(Path.Combine(outside, "secret"), "secret");
        File.CreateSymbolicLink(Path.Combine(_path, "a", "link"), Path.Combine(outside, "secret"));
        Directory.CreateSymbolicLink(Path.Combine(_path, "b"), outside);

        await AssertRefusedAsync(async () => await Store.ReadAsync("a/link", new byte[6], 0));
        await AssertRefusedAsync(async () => await Store.GetInfoAsync("a/link"));
        await AssertRefusedAsync(async () => await Store.ReadAsync("b/secret", new byte[6], 0));
        await AssertRefusedAsync(async () => await Store.TryCreateAsync("b/new", new byte[6], ObjectCreateOptions.Default));
        await AssertRefusedAsync(async () => await Store.DeleteAsync(["b/secret"]));
        Assert.False(await Store.TryCreateAsync("a/link", new byte[1], ObjectCreateOptions.Default));
        Assert.Equal("secret", await File.ReadAllTextAsync(Path.Combine(outside, "secret")));
        Assert.Empty(await NamesAsync(Store, string.Empty, null));
        Assert.Equal(["secret"], Directory.EnumerateFiles(outside).Select(Path.GetFileName));
    }

    [Fact]
    public async Task PlantedPipe_IsAnErrorAndNoHang()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no named pipes in a folder.");
        await Store.TryCreateAsync("a/1", new byte[1], ObjectCreateOptions.Default);
        ExternalTool.Require("mkfifo").Run(Path.Combine(_path, "a", "pipe"));

        await Assert.ThrowsAsync<ObjectStoreException>(async () => await Store.ReadAsync("a/pipe", new byte[1], 0).AsTask().WaitAsync(TimeSpan.FromSeconds(20)));
    }

    [Fact]
    public async Task ForeignFiles_AreNotListed()
    {
        await Store.TryCreateAsync("a/1", new byte[1], ObjectCreateOptions.Default);
        await File.WriteAllTextAsync(Path.Combine(_path, "a", "not an object"), "x");
        await File.WriteAllTextAsync(Path.Combine(_path, ".hidden"), "x");
        Assert.Equal(["a/1"], await NamesAsync(Store, string.Empty, null));
    }

    [Fact]
    public async Task Directory_ThatCannotBeWritten_IsAStoreException()
    {
        await File.WriteAllTextAsync(Path.Combine(Directory.CreateDirectory(_path).FullName, "file"), "in the way of a folder");
        await Assert.ThrowsAsync<ObjectStoreException>(async () => await Store.TryCreateAsync("file/below", new byte[1], ObjectCreateOptions.Default));
    }

    [Fact]
    public async Task LongestName_IsTaken()
    {
        string name = $"{new string('x', 200)}/{new string('y', 200)}/{new string('z', 110)}";
        Assert.Equal(512, name.Length);
        Assert.True(await Store.TryCreateAsync(name, new byte[1], ObjectCreateOptions.Default));
        Assert.Equal([name], await NamesAsync(Store, string.Empty, null));
    }

    protected override ValueTask<ObjectStore> OpenEmptyAsync() => ReopenAsync();

    protected override ValueTask<ObjectStore> ReopenAsync() => ValueTask.FromResult<ObjectStore>(new DirectoryObjectStore(_path, Options));

    private static async Task AssertRefusedAsync(Func<Task> action)
    {
        ObjectStoreException exception = await Assert.ThrowsAsync<ObjectStoreException>(action);
        Assert.Contains("link", exception.Message, StringComparison.Ordinal);
    }
}
