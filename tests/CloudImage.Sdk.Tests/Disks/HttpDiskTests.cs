using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Disks;

public sealed class HttpDiskTests : IDisposable
{
    private static readonly HttpDiskOptions s_options = new() { BlockSize = 65536, RetryDelay = TimeSpan.FromMilliseconds(1), MaxRetries = 3, RequestTimeout = TimeSpan.FromSeconds(5) };
    private readonly byte[] _content = new byte[1_000_001];
    private readonly RangeServer _server;
    private readonly HttpClient _client = new();

    public HttpDiskTests()
    {
        new Random(11).NextBytes(_content);
        _server = new RangeServer(_content);
    }

    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
    }

    [Fact]
    public async Task Read_BothDoorsAnywhere_ReturnsTheContent()
    {
        using HttpDisk disk = await HttpDisk.OpenAsync(_server.Address, _client, s_options);
        Assert.Equal(_content.Length, disk.Length);
        Assert.False(disk.IsLocal);
        Random random = new(5);
        for (int index = 0; index < 60; index++)
        {
            int offset = random.Next(_content.Length);
            byte[] buffer = new byte[random.Next(1, 200_000)];
            int count = index % 2 == 0 ? disk.Read(buffer, offset) : await disk.ReadAsync(buffer, offset);
            Assert.Equal(Math.Min(buffer.Length, _content.Length - offset), count);
            Assert.Equal(_content[offset..(offset + count)], buffer[..count]);
        }

        Assert.Equal(16, _server.Requests);
    }

    [Fact]
    public async Task Read_ManyReadersOfOneBlock_FetchesItOnce()
    {
        using HttpDisk disk = await HttpDisk.OpenAsync(_server.Address, _client, s_options);
        await Task.WhenAll(Enumerable.Range(0, 20).Select(async index =>
        {
            byte[] buffer = new byte[100];
            await disk.ReadAsync(buffer, (5 * 65536) + index);
            Assert.Equal(_content[((5 * 65536) + index)..((5 * 65536) + index + 100)], buffer);
        }));
        Assert.Equal(2, _server.Requests);
    }

    [Fact]
    public async Task Read_Forward_ReadsAhead()
    {
        using HttpDisk disk = await HttpDisk.OpenAsync(_server.Address, _client, s_options);
        byte[] buffer = new byte[65536];
        for (int block = 0; block < 4; block++)
        {
            await disk.ReadAsync(buffer, block * 65536L);
        }

        Assert.InRange(disk.RequestCount, 5, 16);
    }

    [Fact]
    public async Task Read_CacheOverflows_StaysWithinItsBound()
    {
        HttpDiskOptions options = new() { BlockSize = 4096, CacheLength = 0, MaxReadAhead = 0 };
        using HttpDisk disk = await HttpDisk.OpenAsync(_server.Address, _client, options);
        byte[] buffer = new byte[16];
        foreach (int block in (int[])[1, 2, 3, 4, 1])
        {
            await disk.ReadAsync(buffer, block * 4096L);
        }

        Assert.Equal(6, disk.RequestCount);
    }

    [Theory]
    [InlineData(503)]
    [InlineData(429)]
    [InlineData(500)]
    public async Task Read_PassingFaults_AreRetried(int status)
    {
        _server.Fault = (number, context) =>
        {
            if (number % 3 == 2)
            {
                return false;
            }

            context.Response.StatusCode = status;
            context.Response.Headers["Retry-After"] = "0";
            context.Response.Close();
            return true;
        };
        using HttpDisk disk = await HttpDisk.OpenAsync(_server.Address, _client, s_options);
        byte[] buffer = new byte[100];
        await disk.ReadAsync(buffer, 500_000);
        Assert.Equal(_content[500_000..500_100], buffer);
    }

    [Fact]
    public async Task Read_FaultsWithoutEnd_GiveUpWithATransientError()
    {
        using HttpDisk disk = await HttpDisk.OpenAsync(_server.Address, _client, s_options);
        _server.Fault = static (_, context) =>
        {
            context.Response.StatusCode = 503;
            context.Response.Close();
            return true;
        };
        CloudImageException exception = await Assert.ThrowsAnyAsync<CloudImageException>(async () => await disk.ReadAsync(new byte[100], 500_000));
        Assert.True(exception.IsTransient);
        Assert.Contains("503", exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", exception.Message, StringComparison.Ordinal);
        Assert.Equal(1 + 4, _server.Requests);

        _server.Fault = null;
        byte[] buffer = new byte[100];
        await disk.ReadAsync(buffer, 500_000);
        Assert.Equal(_content[500_000..500_100], buffer);
    }

    [Fact]
    public async Task Read_TruncatedBody_IsFetchedAgain()
    {
        _server.Fault = (number, context) =>
        {
            if (number is 1 or 2)
            {
                _server.Answer(context, 0.5);
                return true;
            }

            return false;
        };
        using HttpDisk disk = await HttpDisk.OpenAsync(_server.Address, _client, s_options);
        byte[] buffer = new byte[300];
        await disk.ReadAsync(buffer, 600_000);
        Assert.Equal(_content[600_000..600_300], buffer);
        Assert.Equal(4, _server.Requests);
    }

    [Fact]
    public async Task Read_WrongRange_IsAnError()
    {
        using HttpDisk disk = await HttpDisk.OpenAsync(_server.Address, _client, s_options);
        _server.Fault = (_, context) =>
        {
            _server.Answer(context, 1, 512);
            return true;
        };
        CloudImageException exception = await Assert.ThrowsAnyAsync<CloudImageException>(async () => await disk.ReadAsync(new byte[100], 500_000));
        Assert.Contains("was asked for", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tag")]
    [InlineData("weak tag")]
    [InlineData("length")]
    public async Task Read_ContentChanged_IsAnErrorAndNeverAMixture(string what)
    {
        _server.EntityTag = what == "tag" ? "\"one\"" : what == "weak tag" ? "W/\"one\"" : null;
        using HttpDisk disk = await HttpDisk.OpenAsync(_server.Address, _client, s_options);
        _server.Content = what == "length" ? _content[..900_000] : [.. _content];
        _server.EntityTag = what == "tag" ? "\"two\"" : what == "weak tag" ? "W/\"two\"" : null;
        CloudImageException exception = await Assert.ThrowsAnyAsync<CloudImageException>(async () => await disk.ReadAsync(new byte[100], 500_000));
        Assert.Contains("was changed", exception.Message, StringComparison.Ordinal);
        Assert.False(exception.IsTransient);
    }

    [Fact]
    public async Task Open_ServerWithoutRanges_IsRefusedWithAdvice()
    {
        _server.Fault = (_, context) =>
        {
            context.Response.StatusCode = 200;
            context.Response.ContentLength64 = _content.Length;
            context.Response.Close(_content, false);
            return true;
        };
        CloudImageException exception = await Assert.ThrowsAnyAsync<CloudImageException>(() => HttpDisk.OpenAsync(_server.Address, _client, s_options));
        Assert.Contains("does not answer byte ranges", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(404)]
    [InlineData(403)]
    public async Task Open_PermanentFault_IsNotRetried(int status)
    {
        _server.Fault = (_, context) =>
        {
            context.Response.StatusCode = status;
            context.Response.Close();
            return true;
        };
        CloudImageException exception = await Assert.ThrowsAnyAsync<CloudImageException>(() => HttpDisk.OpenAsync(_server.Address, _client, s_options));
        Assert.False(exception.IsTransient);
        Assert.Equal(1, _server.Requests);
    }

    [Fact]
    public async Task Open_EmptyResource_IsADiskWithoutBytes()
    {
        _server.Content = [];
        using HttpDisk disk = await HttpDisk.OpenAsync(_server.Address, _client, s_options);
        Assert.Equal(0, disk.Length);
        Assert.Equal(0, await disk.ReadAsync(new byte[10], 0));
    }

    [Fact]
    public async Task Read_SilentServer_EndsAtTheTimeout()
    {
        HttpDiskOptions options = new() { BlockSize = 65536, MaxRetries = 1, RetryDelay = TimeSpan.FromMilliseconds(1), RequestTimeout = TimeSpan.FromMilliseconds(150) };
        using HttpDisk disk = await HttpDisk.OpenAsync(_server.Address, _client, options);
        List<HttpListenerContext> held = [];
        _server.Fault = (_, context) =>
        {
            lock (held)
            {
                held.Add(context);
            }

            return true;
        };
        CloudImageException exception = await Assert.ThrowsAnyAsync<CloudImageException>(async () => await disk.ReadAsync(new byte[100], 500_000));
        Assert.True(exception.IsTransient);
        lock (held)
        {
            held.ForEach(static context => context.Response.Abort());
        }
    }

    [Fact]
    public async Task Read_Cancelled_LeavesTheBlockToOthers()
    {
        using HttpDisk disk = await HttpDisk.OpenAsync(_server.Address, _client, s_options);
        using System.Threading.CancellationTokenSource source = new();
        TaskCompletionSource gate = new();
        _server.Fault = (_, _) =>
        {
            gate.Task.Wait(TimeSpan.FromSeconds(10));
            return false;
        };
        byte[] buffer = new byte[100];
        Task<int> cancelled = disk.ReadAsync(new byte[100], 500_000, source.Token).AsTask();
        Task<int> other = disk.ReadAsync(buffer, 500_000).AsTask();
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        gate.SetResult();
        Assert.Equal(100, await other);
        Assert.Equal(_content[500_000..500_100], buffer);
        Assert.Equal(2, _server.Requests);
    }

    [Theory]
    [InlineData("ftp://localhost/x")]
    [InlineData("file:///etc/passwd")]
    public async Task Open_OtherScheme_Throws(string address) =>
        await Assert.ThrowsAsync<ArgumentException>(() => HttpDisk.OpenAsync(new Uri(address), _client, s_options));
}
