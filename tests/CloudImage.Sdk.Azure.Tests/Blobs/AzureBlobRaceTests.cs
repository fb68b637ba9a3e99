using System;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Snapshots;
using Xunit;

namespace CloudImage.Sdk.Azure.Tests.Blobs;

/// <summary>Many creators over many names, from several clients: of each name one wins, and its content stays.</summary>
public sealed class AzureBlobRaceTests(AzuriteServer server)
{
    private const int Clients = 4;
    private const int Creators = 64;
    private const int Length = 300;

    /// <summary>CLOUDIMAGE_RACED_NAMES=1000 is the whole measure; CI has time for some.</summary>
    private static readonly int s_names = int.Parse(Environment.GetEnvironmentVariable("CLOUDIMAGE_RACED_NAMES") ?? "12", CultureInfo.InvariantCulture);

    [Fact]
    public async Task TryCreate_OfOneNameByMany_HasOneWinnerWhoseContentStays()
    {
        AzureBlobObjectStoreOptions options = await server.NewOptionsAsync(create: true);
        AzureBlobObjectStore[] stores = await Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => AzureBlobObjectStore.OpenAsync(options).AsTask()));
        long begun = Stopwatch.GetTimestamp();
        byte[] read = new byte[Length];
        for (int round = 0; round < s_names; round++)
        {
            string name = $"race/{round:d5}";
            using SemaphoreSlim start = new(0);
            Task<bool>[] creators = [.. Enumerable.Range(0, Creators).Select(async index =>
            {
                byte[] content = SnapshotTestData.Mixed(Length, (round * 1000) + index);
                await start.WaitAsync();
                return await stores[index % Clients].TryCreateAsync(name, content, ObjectCreateOptions.Default);
            })];
            start.Release(Creators);
            bool[] hasWon = await Task.WhenAll(creators);
            Assert.Equal(1, hasWon.Count(static won => won));
            Assert.Equal(Length, await stores[0].ReadAsync(name, read, 0));
            Assert.Equal(SnapshotTestData.Mixed(Length, (round * 1000) + Array.IndexOf(hasWon, true)), read);
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{Creators} creators over {s_names} names: one winner each, {Stopwatch.GetElapsedTime(begun).TotalSeconds:0.0} s");
        foreach (AzureBlobObjectStore store in stores)
        {
            await store.DisposeAsync();
        }
    }
}
