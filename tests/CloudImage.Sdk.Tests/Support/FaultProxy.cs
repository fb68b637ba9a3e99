using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.Tests.Support;

/// <summary>
/// A proxy on loopback between an adapter and a server that speaks HTTP/1.1 without encryption. It counts the requests, and does to them
/// what <see cref="Choose"/> says: resets, truncated and corrupted bodies, 503.
/// </summary>
/// <remarks>The head of a message is passed on unchanged, so that signatures over the client's idea of the host stay valid.</remarks>
public sealed class FaultProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly ConcurrentDictionary<Task, byte> _connections = new();
    private readonly ConcurrentQueue<ProxiedRequest> _requests = new();
    private readonly Lock _lock = new();
    private readonly int _upstreamPort;
    private readonly Task _accepting;
    private int _count;

    /// <summary>Starts a proxy.</summary>
    /// <param name="upstreamPort">Port of the server, on loopback.</param>
    public FaultProxy(int upstreamPort)
    {
        _upstreamPort = upstreamPort;
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _accepting = AcceptAsync();
    }

    /// <summary>The port that it listens on.</summary>
    public int Port { get; }

    /// <summary>Its address, with a '/' at the end.</summary>
    public Uri Address => new($"http://127.0.0.1:{Port}/");

    /// <summary>Chooses what is done to a request; one at a time. It may be exchanged at any moment.</summary>
    public Func<ProxiedRequest, ProxyFault> Choose { get; set; } = static _ => ProxyFault.None;

    /// <summary>Headers of the 503, each line ended by CR LF.</summary>
    public string UnavailableHeaders { get; set; } = "Content-Type: application/xml\r\n";

    /// <summary>Body of the 503.</summary>
    public string UnavailableBody { get; set; } = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";

    /// <summary>The requests so far, in the order in which they came.</summary>
    public IReadOnlyList<ProxiedRequest> Requests => [.. _requests];

    /// <summary>A choice at random, the same for the same seed and order of requests.</summary>
    /// <param name="seed">The seed; tests print it.</param>
    /// <param name="probability">How likely a request is to meet a fault.</param>
    /// <param name="faults">The faults, each as likely as the others.</param>
    public static Func<ProxiedRequest, ProxyFault> Seeded(int seed, double probability, params ProxyFault[] faults)
    {
        Random random = new(seed);
        return _ => random.NextDouble() < probability ? faults[random.Next(faults.Length)] : ProxyFault.None;
    }

    /// <summary>How many requests of a method came.</summary>
    public int Count(string method) => _requests.Count(request => request.Method == method);

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Stop();
        await _accepting;
        await Task.WhenAll(_connections.Keys);
        _end.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_end.IsCancellationRequested)
        {
            Socket client;
            try
            {
                client = await _listener.AcceptSocketAsync(_end.Token);
            }
            catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return;
            }

            Task connection = Task.Run(() => ServeAsync(client));
            _connections[connection] = 0;
            _ = connection.ContinueWith(ended => _connections.TryRemove(ended, out byte _), TaskScheduler.Default);
        }
    }

    private async Task ServeAsync(Socket client)
    {
        using Socket server = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        client.NoDelay = true;
        try
        {
            await server.ConnectAsync(IPAddress.Loopback, _upstreamPort, _end.Token);
            ProxyChannel fromClient = new(client);
            ProxyChannel fromServer = new(server);
            while (await fromClient.ReadHeadAsync(_end.Token) is { } head && await ExchangeAsync(head, fromClient, fromServer))
            {
                // The next request of the connection.
            }

            client.Shutdown(SocketShutdown.Both);
        }
        catch (Exception exception) when (exception is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // Either end went away, or was sent away.
        }
        finally
        {
            client.Dispose();
        }
    }

    /// <summary>Serves one request; false: the connection is at its end.</summary>
    private async Task<bool> ExchangeAsync(byte[] head, ProxyChannel client, ProxyChannel server)
    {
        (string line, Dictionary<string, string> headers) = Parse(head);
        string[] words = line.Split(' ');
        ProxiedRequest request;
        lock (_lock)
        {
            request = new ProxiedRequest(_count++, words[0], words[1], headers);
            request.Fault = Choose(request);
            _requests.Enqueue(request);
        }

        switch (request.Fault)
        {
            case ProxyFault.ResetBeforeRequest:
                client.Reset();
                return false;
            case ProxyFault.Unavailable:
                return await AnswerUnavailableAsync(request, client);
        }

        await server.SendAsync(head, _end.Token);
        using CancellationTokenSource enough = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
        Task sending = SendBodyAsync(request, client, server, enough.Token);
        bool isAnswered = await AnswerAsync(request, client, server);
        if (!sending.IsCompletedSuccessfully)
        {
            // The server answered before it had the whole request, which is then of no use to anybody.
            await enough.CancelAsync();
            await sending.ContinueWith(static _ => { }, TaskScheduler.Default);
            return false;
        }

        return isAnswered;
    }

    private async Task<bool> AnswerUnavailableAsync(ProxiedRequest request, ProxyChannel client)
    {
        request.Status = 503;
        string body = request.Method == "HEAD" ? string.Empty : UnavailableBody;
        string head = $"HTTP/1.1 503 Service Unavailable\r\n{UnavailableHeaders}Content-Length: {Encoding.UTF8.GetByteCount(body)}\r\nConnection: close\r\n\r\n";
        await client.SendAsync(Encoding.UTF8.GetBytes(head + body), _end.Token);
        client.EndSending();
        // What the client still sends is taken, for otherwise a reset would overtake the answer.
        await client.DrainAsync(TimeSpan.FromSeconds(5), _end.Token);
        return false;
    }

    private static async Task SendBodyAsync(ProxiedRequest request, ProxyChannel client, ProxyChannel server, CancellationToken cancellationToken)
    {
        if (request.Headers.TryGetValue("Transfer-Encoding", out string? encoding) && encoding.Contains("chunked", StringComparison.OrdinalIgnoreCase))
        {
            await client.PassChunksAsync(server, cancellationToken);
            return;
        }

        long length = request.ContentLength;
        switch (request.Fault)
        {
            case ProxyFault.ResetWithinRequest:
                await client.PassAsync(server, length / 2, -1, cancellationToken);
                client.Reset();
                server.Reset();
                return;
            case ProxyFault.CorruptRequest:
                await client.PassAsync(server, length, length / 2, cancellationToken);
                return;
            default:
                await client.PassAsync(server, length, -1, cancellationToken);
                return;
        }
    }

    private async Task<bool> AnswerAsync(ProxiedRequest request, ProxyChannel client, ProxyChannel server)
    {
        while (true)
        {
            byte[]? head = await server.ReadHeadAsync(_end.Token);
            if (head is null)
            {
                return false;
            }

            (string line, Dictionary<string, string> headers) = Parse(head);
            int status = int.Parse(line.Split(' ')[1]);
            if (status is >= 100 and < 200)
            {
                await client.SendAsync(head, _end.Token);
                continue;
            }

            if (request.Fault == ProxyFault.LoseResponse)
            {
                client.Reset();
                return false;
            }

            if (request.Fault == ProxyFault.UnavailableAfterRequest)
            {
                return await AnswerUnavailableAsync(request, client);
            }

            request.Status = status;
            await client.SendAsync(head, _end.Token);
            bool hasBody = request.Method != "HEAD" && status is not (204 or 304);
            return !hasBody || await PassAnswerAsync(request, headers, client, server);
        }
    }

    private async Task<bool> PassAnswerAsync(ProxiedRequest request, Dictionary<string, string> headers, ProxyChannel client, ProxyChannel server)
    {
        bool isChunked = headers.TryGetValue("Transfer-Encoding", out string? encoding) && encoding.Contains("chunked", StringComparison.OrdinalIgnoreCase);
        if (isChunked && request.Fault is not (ProxyFault.ResetWithinResponse or ProxyFault.TruncateResponse))
        {
            await server.PassChunksAsync(client, _end.Token);
            return true;
        }

        long length = headers.TryGetValue("Content-Length", out string? text) ? long.Parse(text) : isChunked ? 2 : -1;
        if (length < 0)
        {
            await server.PassAllAsync(client, _end.Token);
            return false;
        }

        switch (request.Fault)
        {
            case ProxyFault.ResetWithinResponse:
                await server.PassAsync(client, length / 2, -1, _end.Token);
                client.Reset();
                return false;
            case ProxyFault.TruncateResponse:
                await server.PassAsync(client, length / 2, -1, _end.Token);
                return false;
            case ProxyFault.CorruptResponse:
                await server.PassAsync(client, length, length / 2, _end.Token);
                return true;
            default:
                await server.PassAsync(client, length, -1, _end.Token);
                return true;
        }
    }

    private static (string Line, Dictionary<string, string> Headers) Parse(byte[] head)
    {
        string[] lines = Encoding.Latin1.GetString(head).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        Dictionary<string, string> headers = new(StringComparer.OrdinalIgnoreCase);
        foreach (string line in lines.Skip(1))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            headers[line[..colon]] = line[(colon + 1)..].Trim();
        }

        return (lines[0], headers);
    }
}
