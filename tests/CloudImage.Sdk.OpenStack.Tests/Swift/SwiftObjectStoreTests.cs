using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.OpenStack.Swift;
using CloudImage.Sdk.OpenStack.Tests.Support;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Storage;
using Xunit;

namespace CloudImage.Sdk.OpenStack.Tests.Swift;

/// <summary>What every store must do, on Debian's Swift; what Swift does not do is said by the store, and shown here.</summary>
public sealed class SwiftObjectStoreTests(SwiftServer server) : ObjectStoreConformanceTests
{
    private readonly string _container = server.NewContainer();

    /// <summary>Names that are raced for; the long form sets CLOUDIMAGE_RACED_NAMES.</summary>
    protected override int RacedNames => int.Parse(Environment.GetEnvironmentVariable("CLOUDIMAGE_RACED_NAMES") ?? "5", CultureInfo.InvariantCulture);

    /// <summary>Swift checks for an older object when a creation begins, not when it ends: creators that overlap are all told that they created it.</summary>
    [Fact]
    public override async Task TryCreate_ByManyAtOnce_HasExactlyOneWinnerWhoseContentStays()
    {
        Assert.False(Store.Capabilities.HasAtomicCreate);
        ObjectStore other = await ReopenAsync();
        int rivals = 0;
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
            Assert.Contains(true, isWinner);
            rivals += isWinner.Count(static won => won) > 1 ? 1 : 0;
            byte[] stayed = await ReadWholeAsync(other, name);
            int stayedOf = Enumerable.Range(0, RacingCreators).Single(index => MakeContent(500, index).AsSpan().SequenceEqual(stayed));
            Assert.True(isWinner[stayedOf], $"{name} holds what creator {stayedOf} wrote, who was told that the name was taken.");
            Assert.False(await Store.TryCreateAsync(name, new byte[1], ObjectCreateOptions.Default));
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{rivals} of {RacedNames} names had more than one winner among {RacingCreators} creators.");
    }

    [Fact]
    public override async Task Upload_ByManyAtOnce_HasExactlyOneWinner()
    {
        ObjectUpload[] uploads = await Task.WhenAll(Enumerable.Range(0, 16).Select(async index =>
        {
            ObjectUpload upload = await Store.BeginCreateAsync("p/raced", ObjectCreateOptions.Default);
            await upload.AppendAsync(MakeContent(5000, index));
            return upload;
        }));
        bool[] isWinner = await Task.WhenAll(uploads.Select(static upload => Task.Run(async () => await upload.CompleteAsync())));
        byte[] stayed = await ReadWholeAsync(Store, "p/raced");
        Assert.True(isWinner[Enumerable.Range(0, 16).Single(index => MakeContent(5000, index).AsSpan().SequenceEqual(stayed))]);
        foreach (ObjectUpload upload in uploads)
        {
            await upload.DisposeAsync();
        }
    }

    [Fact]
    public async Task TryCreate_OfAPackOf64MiB_IsOneObjectThatReadsBack()
    {
        byte[] pack = MakeContent(64 << 20, 9);
        Assert.True(await Store.TryCreateAsync("p/pack", pack, ObjectCreateOptions.Default));
        Assert.False(await Store.TryCreateAsync("p/pack", pack, ObjectCreateOptions.Default));
        byte[] part = new byte[1 << 20];
        Assert.Equal(part.Length, await Store.ReadAsync("p/pack", part, 33 << 20));
        Assert.True(pack.AsSpan(33 << 20, part.Length).SequenceEqual(part));
        byte[] whole = new byte[pack.Length];
        Assert.Equal(whole.Length, await Store.ReadAsync("p/pack", whole, 0));
        Assert.Equal(pack, whole);
    }

    [Fact]
    public async Task TryCreate_WithAnotherMd5_IsRefusedByTheService()
    {
        var wrong = new ObjectCreateOptions { Checksum = new ObjectChecksum(ObjectChecksumKind.Md5, new byte[16]) };
        ObjectStoreException exception = await Assert.ThrowsAsync<ObjectStoreException>(async () => await Store.TryCreateAsync("m/wrong", new byte[1000], wrong));
        Assert.False(exception.IsTransient);
        Assert.Equal("m/wrong", exception.ObjectName);
        Assert.False(await Store.ExistsAsync("m/wrong"));
    }

    [Fact]
    public async Task Delete_OfHundreds_LeavesTheOthers()
    {
        string[] names = [.. Enumerable.Range(0, 300).Select(static index => $"d/{index % 3}/{index:d3}+%=@~")];
        await Parallel.ForEachAsync(names, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (name, token) => await Store.TryCreateAsync(name, new byte[1], ObjectCreateOptions.Default, token));
        await Store.DeleteAsync([.. names.Skip(10), "d/never"]);
        Assert.Equal(names.Take(10).Order(StringComparer.Ordinal), await NamesAsync(Store, "d/", null));
    }

    [Fact]
    public async Task Open_OfAMissingContainer_SaysWhatToDo()
    {
        ObjectStoreException exception = await Assert.ThrowsAsync<ObjectStoreException>(async () => await server.OpenAsync("swift://never-made"));
        Assert.Contains("create-container=true", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_WithAWrongKey_IsRefusedWithoutTheKey()
    {
        Dictionary<string, string> settings = await server.SettingsAsync();
        settings["st_key"] = "not-the-key";
        ObjectStoreException exception = await Assert.ThrowsAsync<ObjectStoreException>(
            async () => await new SwiftObjectStoreProvider(() => settings).OpenAsync(ObjectStoreAddress.Parse("swift://any?create-container=true")));
        Assert.False(exception.IsTransient);
        Assert.Contains("test:tester", exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("not-the-key", exception.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_WithAnUnknownParameter_NamesThoseThatAreKnown()
    {
        Dictionary<string, string> settings = await server.SettingsAsync();
        FormatException exception = await Assert.ThrowsAsync<FormatException>(
            async () => await new SwiftObjectStoreProvider(() => settings).OpenAsync(ObjectStoreAddress.Parse("swift://any?profile=x")));
        Assert.Contains("create-container", exception.Message, StringComparison.Ordinal);
    }

    protected override async ValueTask<ObjectStore> OpenEmptyAsync() => await server.OpenAsync($"swift://{_container}/deep/prefix?create-container=true&page=50");

    protected override async ValueTask<ObjectStore> ReopenAsync() => await server.OpenAsync($"swift://{_container}/deep/prefix");
}
