using System;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Aws.Tests.S3;

/// <summary>Many creators over many names, from several clients: of each name one wins, and its content stays.</summary>
public sealed class S3RaceTests(RgwServer server)
{
    private const int Clients = 4;
    private const int Creators = 64;

    /// <summary>CLOUDIMAGE_S3_RACED_NAMES=1000 is the whole measure; CI has time for some.</summary>
    private static readonly int s_names = int.Parse(Environment.GetEnvironmentVariable("CLOUDIMAGE_S3_RACED_NAMES") ?? "12", CultureInfo.InvariantCulture);

    [Theory]
    [InlineData(300, 1)]
    [InlineData(1 << 20, 100)]
    public async Task TryCreate_OfOneNameByMany_HasOneWinnerWhoseContentStays(int length, int divisor)
    {
        TestServer rgw = await server.GetAsync();
        string prefix = $"{Guid.NewGuid():n}";
        S3ObjectStore[] stores = await Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => S3ObjectStore.OpenAsync(RgwServer.Options(rgw, prefix, null)).AsTask()));
        int names = Math.Max(2, s_names / divisor);
        int conflicts = 0;
        long begun = Stopwatch.GetTimestamp();
        byte[] read = new byte[length];
        for (int round = 0; round < names; round++)
        {
            string name = $"race/{round:d5}";
            using SemaphoreSlim start = new(0);
            Task<bool>[] creators = [.. Enumerable.Range(0, Creators).Select(async index =>
            {
                byte[] content = Content(length, round, index);
                await start.WaitAsync();
                while (true)
                {
                    try
                    {
                        return await stores[index % Clients].TryCreateAsync(name, content, ObjectCreateOptions.Default);
                    }
                    catch (ObjectStoreException exception) when (exception.IsTransient && exception.Message.Contains("409", StringComparison.Ordinal))
                    {
                        // The service tells that another creation is under way: it did nothing for this one.
                        Interlocked.Increment(ref conflicts);
                    }
                }
            })];
            start.Release(Creators);
            bool[] hasWon = await Task.WhenAll(creators);
            Assert.Equal(1, hasWon.Count(static won => won));
            Assert.Equal(length, await stores[0].ReadAsync(name, read, 0));
            Assert.Equal(Content(length, round, Array.IndexOf(hasWon, true)), read);
        }

        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{Creators} creators over {names} names of {length} bytes: one winner each, {conflicts} told to try again, {Stopwatch.GetElapsedTime(begun).TotalSeconds:0.0} s");
        foreach (S3ObjectStore store in stores)
        {
            await store.DisposeAsync();
        }
    }

    private static byte[] Content(int length, int round, int creator)
    {
        byte[] content = new byte[length];
        new Random((round * 1000) + creator).NextBytes(content);
        return content;
    }
}
