using System;
using System.Collections.Generic;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.Tests.Support;

/// <summary>A web server on this machine that answers byte ranges of one content, and can be told to misbehave.</summary>
internal sealed class RangeServer : IDisposable
{
    private readonly HttpListener _listener;
    private int _requests;

    public RangeServer(byte[] content)
    {
        Content = content;
        (_listener, Address) = Start();
        _ = RunAsync();
    }

    public Uri Address { get; }

    /// <summary>What is served; may be exchanged.</summary>
    public byte[] Content { get; set; }

    public string? EntityTag { get; set; } = "\"one\"";

    /// <summary>Answers in place of the server; tells whether it did. Given the number of the request from 0.</summary>
    public Func<int, HttpListenerContext, bool>? Fault { get; set; }

    public int Requests => Volatile.Read(ref _requests);

    public List<string> Ranges { get; } = [];

    public void Dispose() => _listener.Close();

    /// <summary>Answers a range as it should be, or with part of its body.</summary>
    public void Answer(HttpListenerContext context, double part = 1, long shift = 0)
    {
        byte[] content = Content;
        string range = context.Request.Headers["Range"]!;
        string[] ends = range["bytes=".Length..].Split('-');
        long from = long.Parse(ends[0]) + shift;
        long to = Math.Min(long.Parse(ends[1]) + shift, content.Length - 1);
        HttpListenerResponse response = context.Response;
        response.Headers["ETag"] = EntityTag;
        string? condition = context.Request.Headers["If-Range"];
        if (condition is not null && condition != EntityTag)
        {
            response.StatusCode = 200;
            response.ContentLength64 = content.Length;
            response.OutputStream.Write(content);
        }
        else if (from >= content.Length)
        {
            response.StatusCode = 416;
            response.Headers["Content-Range"] = $"bytes */{content.Length}";
        }
        else
        {
            response.StatusCode = 206;
            response.Headers["Content-Range"] = $"bytes {from}-{to}/{content.Length}";
            response.ContentLength64 = to - from + 1;
            response.OutputStream.Write(content.AsSpan((int)from, (int)((to - from + 1) * part)));
            if (part < 1)
            {
                response.OutputStream.Flush();
                response.Abort();
                return;
            }
        }

        response.Close();
    }

    private static (HttpListener Listener, Uri Address) Start()
    {
        for (int attempt = 0; ; attempt++)
        {
            using TcpListener probe = new(IPAddress.Loopback, 0);
            probe.Start();
            int port = ((IPEndPoint)probe.LocalEndpoint).Port;
            probe.Stop();
            HttpListener listener = new();
            listener.Prefixes.Add($"http://localhost:{port}/");
            try
            {
                listener.Start();
                return (listener, new Uri($"http://localhost:{port}/image.qcow2?signature=secret"));
            }
            catch (HttpListenerException) when (attempt < 10)
            {
                // Another process took the port in between.
                ((IDisposable)listener).Dispose();
            }
        }
    }

    private async Task RunAsync()
    {
        while (_listener.IsListening)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException)
            {
                return;
            }

            int number = Interlocked.Increment(ref _requests) - 1;
            _ = Task.Run(() => Serve(number, context));
        }
    }

    private void Serve(int number, HttpListenerContext context)
    {
        lock (Ranges)
        {
            Ranges.Add(context.Request.Headers["Range"] ?? string.Empty);
        }

        try
        {
            if (Fault?.Invoke(number, context) != true)
            {
                Answer(context);
            }
        }
        catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException or InvalidOperationException or System.IO.IOException)
        {
            // The client went away.
        }
    }
}
