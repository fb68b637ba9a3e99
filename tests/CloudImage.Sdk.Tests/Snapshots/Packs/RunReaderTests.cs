using System;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots.Packs;

/// <summary>Reads of pieces that lie beside each other: few requests where they are costly, the right bytes always.</summary>
public sealed class RunReaderTests
{
    private const int Piece = 7000;
    private const int Length = 600 * Piece;
    private static readonly byte[] s_content = SnapshotTestData.Mixed(Length, 5);

    [Theory]
    [InlineData(IoMode.Asynchronous)]
    [InlineData(IoMode.Synchronous)]
    public async Task ReadExactly_OneBehindTheOther_TakesFewRequests(IoMode mode)
    {
        await using ReadLogStore store = await StoreAsync(isLocal: false);
        RunReader reader = new(store);
        for (int offset = 0; offset < Length; offset += Piece)
        {
            await CheckAsync(reader, offset, mode);
        }

        Assert.InRange(store.CountReads("m/"), 6, 12);
        Assert.InRange(store.BytesAsked, Length, Length + (2 << 20));
    }

    [Fact]
    public async Task ReadExactly_OfAStoreOnThisMachine_ReadsWhatWasAskedFor()
    {
        await using ReadLogStore store = await StoreAsync(isLocal: true);
        RunReader reader = new(store);
        for (int offset = 0; offset < Length; offset += Piece)
        {
            await CheckAsync(reader, offset);
        }

        Assert.Equal(600, store.CountReads("m/"));
        Assert.Equal(Length, store.BytesAsked);
    }

    [Fact]
    public async Task ReadExactly_Jumping_ReadsWhatWasAskedFor()
    {
        await using ReadLogStore store = await StoreAsync(isLocal: false);
        RunReader reader = new(store);
        for (int step = 0; step < 20; step++)
        {
            await CheckAsync(reader, (step % 2 == 0 ? 400 - (15 * step) : 40 + (7 * step)) * Piece);
        }

        Assert.Equal(20 * Piece, store.BytesAsked);
    }

    [Fact]
    public async Task ReadExactly_BySeveralAtOnce_GivesEachItsBytes()
    {
        await using ReadLogStore store = await StoreAsync(isLocal: false);
        RunReader reader = new(store);
        await Parallel.ForAsync(0, 600, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (index, _) => await CheckAsync(reader, index * Piece));
        await Parallel.ForAsync(0, 600, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (index, _) => await CheckAsync(reader, (599 - index) * Piece));

        // Those who come while a run is read wait for it instead of reading the same.
        Assert.InRange(store.BytesAsked, Length, 6L * Length);
    }

    [Fact]
    public async Task ReadExactly_OfWhatIsNotThere_SaysSo()
    {
        await using ReadLogStore store = await StoreAsync(isLocal: false);
        RunReader reader = new(store);
        byte[] buffer = new byte[Piece];
        RepositoryCorruptException missing = await Assert.ThrowsAsync<RepositoryCorruptException>(async () => await reader.ReadExactlyAsync("m/none", buffer, 0, IoMode.Asynchronous, default));
        Assert.True(PackReader.IsMissing(missing));

        await CheckAsync(reader, Length - (2 * Piece));
        RepositoryCorruptException ended = await Assert.ThrowsAsync<RepositoryCorruptException>(async () => await reader.ReadExactlyAsync("m/tree", buffer, Length - 100, IoMode.Asynchronous, default));
        Assert.False(PackReader.IsMissing(ended));
        Assert.Contains($"{Length}", ended.Message, StringComparison.Ordinal);
        await CheckAsync(reader, Length - Piece);
    }

    [Fact]
    public async Task Forget_OfWhatWasDamagedOnItsWay_ReadsItAgain()
    {
        await using ReadLogStore store = await StoreAsync(isLocal: false);
        RunReader reader = new(store);
        await CheckAsync(reader, 0);
        await CheckAsync(reader, Piece);
        await CheckAsync(reader, 2 * Piece);
        int before = store.CountReads("m/");
        reader.Forget("m/tree");
        await CheckAsync(reader, 2 * Piece);
        Assert.Equal(before + 1, store.CountReads("m/"));
    }

    private static async Task<ReadLogStore> StoreAsync(bool isLocal)
    {
        ReadLogStore store = new(new MemoryObjectStore(), isLocal);
        Assert.True(await store.TryCreateAsync("m/tree", s_content, ObjectCreateOptions.Default));
        return store;
    }

    private static async Task CheckAsync(RunReader reader, int offset, IoMode mode = IoMode.Asynchronous)
    {
        byte[] buffer = new byte[Piece];
        await reader.ReadExactlyAsync("m/tree", buffer, offset, mode, default);
        Assert.True(buffer.AsSpan().SequenceEqual(s_content.AsSpan(offset, Piece)), $"The {Piece} bytes at {offset} differ.");
    }
}
