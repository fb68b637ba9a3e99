using System;
using System.Diagnostics;
using System.Net;
using System.Net.Http;
using System.Net.Sockets;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Aws.S3;
using Xunit;

namespace CloudImage.Sdk.Aws.Tests.S3;

/// <summary>Answers that a service writes in two parts without TCP_NODELAY: they arrive whole, and are not held back.</summary>
public sealed class PromptStreamTests
{
    private const int Answers = 20;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Read_OfAnswersInTwoParts_DoesNotWaitForADelayedAcknowledgement(bool isAsynchronous)
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        using CancellationTokenSource stop = new();
        Task serving = ServeAsync(listener, stop.Token);
        using SocketsHttpHandler handler = new() { ConnectCallback = PromptStream.ConnectAsync };
        using HttpClient client = new(handler);
        Uri address = new($"http://{listener.LocalEndpoint}/");
        long best = long.MaxValue;
        for (int answer = 0; answer < Answers; answer++)
        {
            long start = Stopwatch.GetTimestamp();
            using HttpRequestMessage request = new(HttpMethod.Get, address);
            using HttpResponseMessage response = isAsynchronous ? await client.SendAsync(request) : client.Send(request);
            using System.IO.StreamReader reader = new(await response.Content.ReadAsStreamAsync());
            Assert.Equal("part one part two", isAsynchronous ? await reader.ReadToEndAsync() : reader.ReadToEnd());

            // The first ones of a connection are acknowledged at once by themselves.
            best = answer < Answers / 2 ? best : Math.Min(best, Stopwatch.GetTimestamp() - start);
        }

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => serving);
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux lets a receiver say when it acknowledges.");
        Assert.InRange(Stopwatch.GetElapsedTime(0, best).TotalMilliseconds, 0, 30);
    }

    [Fact]
    public async Task Read_OfABrokenConnection_FailsAsTheClientExpects()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        Task serving = Task.Run(async () =>
        {
            for (int connection = 0; connection < 2; connection++)
            {
                using Socket accepted = await listener.AcceptSocketAsync();
                await accepted.ReceiveAsync(new byte[4096]);
                accepted.LingerState = new LingerOption(true, 0);
            }
        });
        using SocketsHttpHandler handler = new() { ConnectCallback = PromptStream.ConnectAsync };
        using HttpClient client = new(handler);
        Uri address = new($"http://{listener.LocalEndpoint}/");
        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync(address));
        Assert.Throws<HttpRequestException>(() => client.Send(new HttpRequestMessage(HttpMethod.Get, address)));
        await serving;
    }

    private static async Task ServeAsync(TcpListener listener, CancellationToken cancellationToken)
    {
        using Socket accepted = await listener.AcceptSocketAsync(cancellationToken);
        accepted.NoDelay = false;
        byte[] request = new byte[4096];
        while (await accepted.ReceiveAsync(request, cancellationToken) > 0)
        {
            await accepted.SendAsync(Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n"), cancellationToken);
            await accepted.SendAsync(Encoding.ASCII.GetBytes("part one "), cancellationToken);
            await accepted.SendAsync(Encoding.ASCII.GetBytes("part two"), cancellationToken);
        }
    }
}
