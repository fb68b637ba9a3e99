using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace CloudImage.Sdk.Azure.Tests.Fakes;

/// <summary>Page blobs and managed disks on loopback, with what no emulator has: differences, lists in pages, limits, checksums, grants.</summary>
internal sealed partial class AzureFake : IAsyncDisposable
{
    public const string Account = "fakeaccount";

    private readonly AzureFakeOptions _options;
    private readonly WebApplication _application;
    private readonly Lock _lock = new();
    private readonly ConcurrentQueue<string> _requests = new();

    private AzureFake(AzureFakeOptions options, WebApplication application)
    {
        _options = options;
        _application = application;
    }

    public byte[] Key { get; } = RandomNumberGenerator.GetBytes(64);

    /// <summary>The account's address, as <c>http://127.0.0.1:port/account</c>.</summary>
    public Uri Endpoint { get; private set; } = null!;

    public int Port => Endpoint.Port;

    public string ConnectionString => $"DefaultEndpointsProtocol=http;AccountName={Account};AccountKey={Convert.ToBase64String(Key)};BlobEndpoint={Endpoint};";

    /// <summary>Called with method and target of each request first; may throw what is answered.</summary>
    public Action<string>? Interceptor { get; set; }

    /// <summary>Method and target of the requests so far.</summary>
    public IReadOnlyList<string> Requests => [.. _requests];

    public static async Task<AzureFake> StartAsync(AzureFakeOptions? options = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(static kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0);
            kestrel.Limits.MaxRequestBodySize = null;
        });
        WebApplication application = builder.Build();
        AzureFake fake = new(options ?? new AzureFakeOptions(), application);
        application.Run(fake.AnswerAsync);
        await application.StartAsync();
        string address = application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        fake.Endpoint = new Uri($"{address}/{Account}");
        return fake;
    }

    /// <summary>How many requests came whose method and target contain a text.</summary>
    public int Count(string text) => _requests.Count(request => request.Contains(text, StringComparison.Ordinal));

    public async ValueTask DisposeAsync() => await _application.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        string target = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        string line = $"{context.Request.Method} {target}";
        _requests.Enqueue(line);
        bool isManager = target.StartsWith("/subscriptions/", StringComparison.OrdinalIgnoreCase);
        context.Response.Headers["x-ms-request-id"] = Guid.NewGuid().ToString();
        try
        {
            // The body is taken first, so that an early answer does not meet a client that still sends.
            using System.IO.MemoryStream body = new();
            await context.Request.Body.CopyToAsync(body);
            Interceptor?.Invoke(line);
            if (isManager)
            {
                AnswerManager(context, body.ToArray(), out JsonNode? answer);
                if (answer is not null)
                {
                    await WriteAsync(context, "application/json; charset=utf-8", Encoding.UTF8.GetBytes(answer.ToJsonString()));
                }
            }
            else
            {
                byte[]? content = AnswerBlob(context, target, body.ToArray());
                if (content is not null)
                {
                    await WriteAsync(context, null, content);
                }
            }
        }
        catch (FakeAnswerException answer)
        {
            context.Response.StatusCode = answer.Status;
            if (answer.RetryAfterInSeconds is { } seconds)
            {
                context.Response.Headers.RetryAfter = $"{seconds}";
            }

            if (isManager)
            {
                JsonObject error = new() { ["error"] = new JsonObject { ["code"] = answer.Code, ["message"] = answer.Message } };
                await WriteAsync(context, "application/json; charset=utf-8", Encoding.UTF8.GetBytes(error.ToJsonString()));
                return;
            }

            context.Response.Headers["x-ms-error-code"] = answer.Code;
            if (context.Request.Method != "HEAD")
            {
                await WriteAsync(context, "application/xml", Encoding.UTF8.GetBytes($"<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{answer.Code}</Code><Message>{answer.Message}</Message></Error>"));
            }
        }
    }

    private static async Task WriteAsync(HttpContext context, string? type, byte[] content)
    {
        context.Response.ContentType = type ?? context.Response.ContentType;
        context.Response.ContentLength = content.Length;
        if (context.Request.Method != "HEAD")
        {
            await context.Response.Body.WriteAsync(content);
        }
    }
}
