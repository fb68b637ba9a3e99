using System;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Threading.Tasks;
using Xunit;

namespace CloudImage.Sdk.Tests.Support;

/// <summary>The proxy does what it is told to do, and nothing else.</summary>
public sealed class FaultProxyTests : IAsyncDisposable
{
    private readonly HttpListener _server = new();
    private readonly Task _serving;
    private readonly FaultProxy _proxy;
    private readonly HttpClient _client = new();
    private int _served;

    public FaultProxyTests()
    {
        int port = FreePort();
        _server.Prefixes.Add($"http://127.0.0.1:{port}/");
        _server.Start();
        _serving = ServeAsync();
        _proxy = new FaultProxy(port);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _proxy.DisposeAsync();
        _server.Close();
        await _serving;
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task None_PassesBodiesBothWays(bool isChunked)
    {
        _client.DefaultRequestHeaders.TransferEncodingChunked = isChunked;
        byte[] body = Enumerable.Range(0, 300_000).Select(static index => (byte)(index * 7)).ToArray();
        for (int round = 0; round < 3; round++)
        {
            using HttpResponseMessage response = await _client.PostAsync(At(isChunked ? "chunked" : "echo"), new ByteArrayContent(body));
            Assert.Equal(body, await response.Content.ReadAsByteArrayAsync());
        }

        Assert.Equal(3, _proxy.Count("POST"));
        Assert.All(_proxy.Requests, static request => Assert.Equal(200, request.Status));
    }

    [Theory]
    [InlineData(ProxyFault.ResetBeforeRequest, 0)]
    [InlineData(ProxyFault.ResetWithinRequest, 0)]
    [InlineData(ProxyFault.LoseResponse, 1)]
    [InlineData(ProxyFault.ResetWithinResponse, 1)]
    [InlineData(ProxyFault.TruncateResponse, 1)]
    public async Task Break_IsSeenByTheClient(ProxyFault fault, int served)
    {
        _proxy.Choose = _ => fault;
        Exception? exception = await Record.ExceptionAsync(() => PostAsync(new byte[100_000]));
        Assert.True(exception is HttpRequestException or HttpIOException, $"{exception}");
        Assert.Equal(served, _served);
    }

    [Theory]
    [InlineData(ProxyFault.CorruptRequest)]
    [InlineData(ProxyFault.CorruptResponse)]
    public async Task Corrupt_FlipsOneBit(ProxyFault fault)
    {
        _proxy.Choose = _ => fault;
        byte[] answer = await PostAsync(new byte[100_000]);
        Assert.Equal(100_000, answer.Length);
        Assert.Equal(0x10, Assert.Single(answer, static value => value != 0));
    }

    [Theory]
    [InlineData(ProxyFault.Unavailable, 0)]
    [InlineData(ProxyFault.UnavailableAfterRequest, 1)]
    public async Task Unavailable_Answers503(ProxyFault fault, int served)
    {
        _proxy.Choose = _ => fault;
        _proxy.UnavailableHeaders = "Retry-After: 2\r\n";
        using HttpResponseMessage response = await _client.PostAsync(At("echo"), new ByteArrayContent(new byte[1_000_000]));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(2), response.Headers.RetryAfter!.Delta);
        Assert.Contains("SlowDown", await response.Content.ReadAsStringAsync());
        Assert.Equal(served, _served);
    }

    [Fact]
    public void Seeded_IsTheSameForTheSameSeed()
    {
        ProxyFault[] first = Draw();
        Assert.Equal(first, Draw());
        Assert.InRange(first.Count(static fault => fault != ProxyFault.None), 200, 400);

        static ProxyFault[] Draw()
        {
            Func<ProxiedRequest, ProxyFault> choose = FaultProxy.Seeded(7, 0.3, ProxyFault.Unavailable, ProxyFault.LoseResponse);
            return [.. Enumerable.Range(0, 1000).Select(_ => choose(null!))];
        }
    }

    private static int FreePort()
    {
        using System.Net.Sockets.TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private Uri At(string path) => new(_proxy.Address, path);

    private async Task<byte[]> PostAsync(byte[] body)
    {
        using HttpResponseMessage response = await _client.PostAsync(At("echo"), new ByteArrayContent(body));
        return await response.Content.ReadAsByteArrayAsync();
    }

    private async Task ServeAsync()
    {
        while (true)
        {
            HttpListenerContext context;
            try
            {
                context = await _server.GetContextAsync();
            }
            catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException)
            {
                return;
            }

            try
            {
                using System.IO.MemoryStream body = new();
                await context.Request.InputStream.CopyToAsync(body);
                if (context.Request.ContentLength64 >= 0 && body.Length != context.Request.ContentLength64)
                {
                    context.Response.Abort();
                    continue;
                }

                _served++;
                context.Response.SendChunked = context.Request.RawUrl == "/chunked";
                if (!context.Response.SendChunked)
                {
                    context.Response.ContentLength64 = body.Length;
                }

                body.WriteTo(context.Response.OutputStream);
                context.Response.Close();
            }
            catch (Exception exception) when (exception is HttpListenerException or System.IO.IOException or ObjectDisposedException)
            {
                // The client was sent away.
            }
        }
    }
}
