using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Storage;
using Xunit;

namespace CloudImage.Sdk.Tests.Storage;

/// <summary>What every store must do. A test class of a store derives from it and opens a fresh, empty one.</summary>
public abstract class ObjectStoreConformanceTests : IAsyncLifetime
{
    private ObjectStore? _store;

    protected ObjectStore Store => _store ?? throw new InvalidOperationException("The store is opened before each test.");

    /// <summary>How many creators race for a name; a store behind a network may take fewer.</summary>
    protected virtual int RacingCreators => 64;

    protected virtual int RacedNames => 50;

    public async ValueTask InitializeAsync() => _store = await OpenEmptyAsync();

    public virtual async ValueTask DisposeAsync()
    {
        if (_store is not null)
        {
            await _store.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>Opens a store that holds nothing.</summary>
    protected abstract ValueTask<ObjectStore> OpenEmptyAsync();

    /// <summary>Opens the same place once more, as another process would; the same instance where there is no other.</summary>
    protected virtual ValueTask<ObjectStore> ReopenAsync() => ValueTask.FromResult(Store);

    [Fact]
    public async Task TryCreate_ThenRead_ReturnsContent()
    {
        byte[] content = MakeContent(100_000, 1);
        Assert.True(await Store.TryCreateAsync("p/one", content, ObjectCreateOptions.Default));
        Assert.Equal(content, await ReadWholeAsync(Store, "p/one"));
        Assert.Equal(content, await ReadWholeAsync(await ReopenAsync(), "p/one"));
    }

    [Fact]
    public async Task TryCreate_OfAnExistingName_ReturnsFalseAndKeepsTheFirst()
    {
        Assert.True(await Store.TryCreateAsync("s/a/fate", "first"u8.ToArray(), ObjectCreateOptions.Default));
        Assert.False(await Store.TryCreateAsync("s/a/fate", "second"u8.ToArray(), ObjectCreateOptions.Default));
        Assert.False(await (await ReopenAsync()).TryCreateAsync("s/a/fate", "third"u8.ToArray(), ObjectCreateOptions.Default));
        Assert.Equal("first", Encoding.ASCII.GetString(await ReadWholeAsync(Store, "s/a/fate")));
    }

    [Fact]
    public async Task TryCreate_OfNothing_MakesAnEmptyObject()
    {
        Assert.True(await Store.TryCreateAsync("s/a/retired", ReadOnlyMemory<byte>.Empty, ObjectCreateOptions.Default));
        Assert.Equal(0, (await Store.GetInfoAsync("s/a/retired"))!.Length);
        Assert.Equal(0, await Store.ReadAsync("s/a/retired", new byte[10], 0));
        Assert.False(await Store.TryCreateAsync("s/a/retired", new byte[1], ObjectCreateOptions.Default));
    }

    [Fact]
    public virtual async Task TryCreate_ByManyAtOnce_HasExactlyOneWinnerWhoseContentStays()
    {
        ObjectStore other = await ReopenAsync();
        for (int round = 0; round < RacedNames; round++)
        {
            string name = $"race/{round:d4}";
            using var start = new SemaphoreSlim(0);
            Task<bool>[] creators = [.. Enumerable.Range(0, RacingCreators).Select(async index =>
            {
                await start.WaitAsync();
                return await (index % 2 == 0 ? Store : other).TryCreateAsync(name, MakeContent(500, index), ObjectCreateOptions.Default);
            })];
            start.Release(RacingCreators);
            bool[] isWinner = await Task.WhenAll(creators);
            Assert.Equal(1, isWinner.Count(won => won));
            Assert.Equal(MakeContent(500, Array.IndexOf(isWinner, true)), await ReadWholeAsync(other, name));
        }
    }

    [Fact]
    public async Task TryCreate_WhileOthersRead_IsNeverSeenInPart()
    {
        const int Length = 1 << 20;
        for (int round = 0; round < 10; round++)
        {
            string name = $"torn/{round}";
            byte[] content = MakeContent(Length, round);
            bool isDone = false;
            Task reader = Task.Run(async () =>
            {
                while (!Volatile.Read(ref isDone))
                {
                    ObjectInfo? info = await Store.GetInfoAsync(name);
                    if (info is not null)
                    {
                        Assert.Equal(Length, info.Length);
                        Assert.Equal(content, await ReadWholeAsync(Store, name));
                        return;
                    }
                }
            });
            Assert.True(await Store.TryCreateAsync(name, content, ObjectCreateOptions.Default));
            await Task.Delay(1);
            Volatile.Write(ref isDone, true);
            await reader;
        }
    }

    [Fact]
    public async Task Upload_OfParts_IsInvisibleUntilComplete()
    {
        byte[] content = MakeContent(300_000, 2);
        await using ObjectUpload upload = await Store.BeginCreateAsync("p/parts", ObjectCreateOptions.Default);
        await upload.AppendAsync(content.AsMemory(0, 100_000));
        await upload.AppendAsync(ReadOnlyMemory<byte>.Empty);
        await upload.AppendAsync(content.AsMemory(100_000));
        Assert.Equal(content.Length, upload.Length);
        Assert.False(await Store.ExistsAsync("p/parts"));
        Assert.Empty(await NamesAsync(Store, string.Empty, null));
        Assert.True(await upload.CompleteAsync());
        Assert.Equal(content, await ReadWholeAsync(Store, "p/parts"));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await upload.AppendAsync(content));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await upload.CompleteAsync());
    }

    [Fact]
    public async Task Upload_Disposed_LeavesNothing()
    {
        await using (ObjectUpload upload = await Store.BeginCreateAsync("p/given-up", ObjectCreateOptions.Default))
        {
            await upload.AppendAsync(new byte[1000]);
        }

        Assert.False(await Store.ExistsAsync("p/given-up"));
        Assert.Empty(await NamesAsync(Store, string.Empty, null));
        Assert.True(await Store.TryCreateAsync("p/given-up", new byte[1], ObjectCreateOptions.Default));
    }

    [Fact]
    public async Task Upload_OfANameTakenMeanwhile_ReturnsFalseAndKeepsTheFirst()
    {
        await using ObjectUpload upload = await Store.BeginCreateAsync("p/late", ObjectCreateOptions.Default);
        await upload.AppendAsync("late"u8.ToArray());
        Assert.True(await Store.TryCreateAsync("p/late", "early"u8.ToArray(), ObjectCreateOptions.Default));
        Assert.False(await upload.CompleteAsync());
        Assert.Equal("early", Encoding.ASCII.GetString(await ReadWholeAsync(Store, "p/late")));
    }

    [Fact]
    public virtual async Task Upload_ByManyAtOnce_HasExactlyOneWinner()
    {
        int count = Math.Min(16, RacingCreators);
        ObjectUpload[] uploads = await Task.WhenAll(Enumerable.Range(0, count).Select(async index =>
        {
            ObjectUpload upload = await Store.BeginCreateAsync("p/raced", ObjectCreateOptions.Default);
            await upload.AppendAsync(MakeContent(5000, index));
            return upload;
        }));
        bool[] isWinner = await Task.WhenAll(uploads.Select(upload => Task.Run(async () => await upload.CompleteAsync())));
        Assert.Equal(1, isWinner.Count(won => won));
        Assert.Equal(MakeContent(5000, Array.IndexOf(isWinner, true)), await ReadWholeAsync(Store, "p/raced"));
        foreach (ObjectUpload upload in uploads)
        {
            await upload.DisposeAsync();
        }
    }

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(0, 1, 1)]
    [InlineData(0, 1000, 1000)]
    [InlineData(0, 1001, 1000)]
    [InlineData(999, 10, 1)]
    [InlineData(1000, 10, 0)]
    [InlineData(5000, 10, 0)]
    [InlineData(500, 100, 100)]
    [InlineData(long.MaxValue - 10, 5, 0)]
    public async Task Read_OfARange_FillsTheBufferUnlessTheObjectEnds(long offset, int length, int expected)
    {
        byte[] content = MakeContent(1000, 3);
        await Store.TryCreateAsync("r/o", content, ObjectCreateOptions.Default);
        byte[] buffer = new byte[length];
        int count = await Store.ReadAsync("r/o", buffer, offset);
        Assert.Equal(expected, count);
        Assert.Equal(content.Skip((int)Math.Min(offset, 1000)).Take(expected), buffer.Take(count));
        byte[] second = new byte[length];
        ValueTask<int> task = Store.ReadAsync("r/o", second, offset, IoMode.Synchronous, default);
        Assert.True(task.IsCompleted);
        Assert.Equal(expected, await task);
        Assert.Equal(buffer, second);
    }

    [Fact]
    public async Task Read_OfANegativeOffset_Throws()
    {
        await Store.TryCreateAsync("r/n", new byte[10], ObjectCreateOptions.Default);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await Store.ReadAsync("r/n", new byte[1], -1));
    }

    [Theory]
    [InlineData("missing")]
    [InlineData("folder/missing")]
    [InlineData("folder")]
    [InlineData("folder/there/below")]
    public async Task MissingName_IsNotFoundByReadsAndNullForInfo(string name)
    {
        await Store.TryCreateAsync("folder/there", new byte[10], ObjectCreateOptions.Default);
        ObjectNotFoundException exception = await Assert.ThrowsAsync<ObjectNotFoundException>(async () => await Store.ReadAsync(name, new byte[1], 0));
        Assert.Equal(name, exception.ObjectName);
        await Assert.ThrowsAsync<ObjectNotFoundException>(async () => await Store.ReadAsync(name, new byte[1], 0, IoMode.Synchronous, default));
        Assert.Null(await Store.GetInfoAsync(name));
        Assert.False(await Store.ExistsAsync(name));
        await Store.DeleteAsync([name]);
        Assert.True(await Store.ExistsAsync("folder/there"));
    }

    [Fact]
    public async Task GetInfo_TellsLengthAndTime()
    {
        await Store.TryCreateAsync("i/x", new byte[12345], ObjectCreateOptions.Default);
        ObjectInfo info = (await Store.GetInfoAsync("i/x"))!;
        Assert.Equal("i/x", info.Name);
        Assert.Equal(12345, info.Length);
        Assert.True((TimeProvider.System.GetUtcNow() - info.LastModified).Duration() < TimeSpan.FromMinutes(10));
        Assert.Equal(Store.Capabilities.ChecksumKind, info.Checksum.Kind);
        ObjectInfo listed = Assert.Single(await ListAsync(Store, "i/x", null));
        Assert.Equal(info.Length, listed.Length);
        Assert.Equal(info.Name, listed.Name);
    }

    [Fact]
    public async Task List_OfMixedNames_IsInOrdinalOrder()
    {
        string[] names = ["a/b", "a-b", "a.b", "a+b", "ab", "a/b-c/d", "a/bb/x", "a/b.c", "B/a", "b/a", "Zz", "_x", "0", "00", "a0/x", "a/00", "deep/1/2/3/4", "deep/1/2/3/40", "deep/1/2-3", "n/%2e%2E/1"];
        names = [.. names.Where(name => !names.Any(other => other.StartsWith(name + "/", StringComparison.Ordinal)))];
        foreach (string name in names)
        {
            Assert.True(await Store.TryCreateAsync(name, new byte[1], ObjectCreateOptions.Default));
        }

        string[] sorted = [.. names.Order(StringComparer.Ordinal)];
        Assert.Equal(sorted, await NamesAsync(Store, string.Empty, null));
        foreach (string prefix in new[] { "a", "a/", "a/b", "a-", "deep/1/2", "deep/1/2/", "z", "B/a", "nothing/here" })
        {
            Assert.Equal(sorted.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)), await NamesAsync(Store, prefix, null));
            foreach (string after in new[] { "a", "a/", "a/b", "a/b-c", "a0", "deep/1/2/3/4", "zzz", "0" })
            {
                Assert.Equal(
                    sorted.Where(name => name.StartsWith(prefix, StringComparison.Ordinal) && string.CompareOrdinal(name, after) > 0),
                    await NamesAsync(Store, prefix, after));
            }
        }
    }

    [Fact]
    public async Task List_WhileOthersCreateAndDelete_HasEveryNameThatWasThereThroughout()
    {
        string[] kept = [.. Enumerable.Range(0, 200).Select(index => $"p/{index * 5:d5}")];
        await Task.WhenAll(kept.Select(name => Store.TryCreateAsync(name, new byte[1], ObjectCreateOptions.Default).AsTask()));
        bool isDone = false;
        Task churn = Task.Run(async () =>
        {
            for (int index = 0; !Volatile.Read(ref isDone) && index < 5000; index++)
            {
                string name = $"p/{index % 1000:d5}-{index}";
                await Store.TryCreateAsync(name, new byte[1], ObjectCreateOptions.Default);
                if (index % 3 == 0)
                {
                    await Store.DeleteAsync([name]);
                }
            }
        });
        for (int round = 0; round < 5; round++)
        {
            List<string> names = await NamesAsync(Store, "p/", null);
            Assert.Equal(names.Order(StringComparer.Ordinal), names);
            Assert.Equal(names.Distinct().Count(), names.Count);
            Assert.Empty(kept.Except(names));
        }

        Volatile.Write(ref isDone, true);
        await churn;
    }

    [Fact]
    public async Task List_ByPagesWithStartAfter_HasEveryNameOnce()
    {
        string[] names = [.. Enumerable.Range(0, 137).Select(index => $"q/{index % 7}/{index:d3}")];
        foreach (string name in names)
        {
            await Store.TryCreateAsync(name, new byte[1], ObjectCreateOptions.Default);
        }

        var paged = new List<string>();
        string? after = null;
        while (true)
        {
            List<string> page = [.. (await NamesAsync(Store, "q/", after)).Take(10)];
            if (page.Count == 0)
            {
                break;
            }

            paged.AddRange(page);
            after = page[^1];
        }

        Assert.Equal(names.Order(StringComparer.Ordinal), paged);
    }

    [Fact]
    public async Task Delete_OfSeveral_RemovesThemAndOnlyThem()
    {
        foreach (string name in new[] { "d/1", "d/2", "d/3" })
        {
            await Store.TryCreateAsync(name, new byte[1], ObjectCreateOptions.Default);
        }

        await Store.DeleteAsync(["d/1", "d/never", "d/3", "d/1"]);
        Assert.Equal(["d/2"], await NamesAsync(await ReopenAsync(), "d/", null));
        await Assert.ThrowsAsync<ObjectNotFoundException>(async () => await Store.ReadAsync("d/1", new byte[1], 0));
        await Store.DeleteAsync([]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("/a")]
    [InlineData("a/")]
    [InlineData("a//b")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("a/../b")]
    [InlineData("a/.hidden")]
    [InlineData("a./b")]
    [InlineData("a b")]
    [InlineData("a\\b")]
    [InlineData("a:b")]
    [InlineData("a\0b")]
    [InlineData("\u00e4")]
    public async Task Name_OutsideTheRule_IsRefusedEverywhere(string name)
    {
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.TryCreateAsync(name, new byte[1], ObjectCreateOptions.Default));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.BeginCreateAsync(name, ObjectCreateOptions.Default));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.ReadAsync(name, new byte[1], 0));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.GetInfoAsync(name));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.DeleteAsync([name]));
    }

    [Fact]
    public async Task CancelledToken_EndsEveryCall()
    {
        await Store.TryCreateAsync("c/x", new byte[1], ObjectCreateOptions.Default);
        var cancelled = new CancellationToken(true);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Store.TryCreateAsync("c/y", new byte[1], ObjectCreateOptions.Default, cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Store.ReadAsync("c/x", new byte[1], 0, cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Store.GetInfoAsync("c/x", cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Store.DeleteAsync(["c/x"], cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (ObjectInfo info in Store.ListAsync("c/", null, cancelled))
            {
                Assert.NotNull(info);
            }
        });
        Assert.True(await Store.ExistsAsync("c/x"));
        Assert.False(await Store.ExistsAsync("c/y"));
    }

    [Fact]
    public async Task Flush_AfterCreations_Ends()
    {
        await Store.FlushAsync();
        await Store.TryCreateAsync("f/1", new byte[1], ObjectCreateOptions.Default);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(index => Store.FlushAsync().AsTask()));
        Assert.True(await Store.ExistsAsync("f/1"));
    }

    [Fact]
    public async Task Disposed_RefusesEveryCall()
    {
        ObjectStore store = Store;
        await store.DisposeAsync();
        await store.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await store.TryCreateAsync("x", new byte[1], ObjectCreateOptions.Default));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await store.ReadAsync("x", new byte[1], 0));
        Assert.Throws<ObjectDisposedException>(() => store.ListAsync(string.Empty, null));
    }

    protected static byte[] MakeContent(int length, int seed)
    {
        byte[] content = new byte[length];
        new Random(seed).NextBytes(content);
        return content;
    }

    protected static async Task<byte[]> ReadWholeAsync(ObjectStore store, string name)
    {
        ObjectInfo info = (await store.GetInfoAsync(name))!;
        byte[] content = new byte[info.Length + 1];
        int count = await store.ReadAsync(name, content, 0);
        return content[..count];
    }

    protected static async Task<List<ObjectInfo>> ListAsync(ObjectStore store, string prefix, string? startAfter)
    {
        var infos = new List<ObjectInfo>();
        await foreach (ObjectInfo info in store.ListAsync(prefix, startAfter))
        {
            infos.Add(info);
        }

        return infos;
    }

    protected static async Task<List<string>> NamesAsync(ObjectStore store, string prefix, string? startAfter) =>
        [.. (await ListAsync(store, prefix, startAfter)).Select(info => info.Name)];
}
