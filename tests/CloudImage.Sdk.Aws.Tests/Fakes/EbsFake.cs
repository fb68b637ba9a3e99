using System;
using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
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

namespace CloudImage.Sdk.Aws.Tests.Fakes;

/// <summary>EBS direct on loopback: the six calls, with what the service checks, limits, expires and gets wrong.</summary>
internal sealed class EbsFake : IAsyncDisposable
{
    public const int BlockSize = 512 * 1024;

    private static readonly TimeSpan s_pageTokenLife = TimeSpan.FromMinutes(60);
    private static readonly TimeSpan s_blockTokenLife = TimeSpan.FromDays(7);

    private readonly EbsFakeOptions _options;
    private readonly WebApplication _application;
    private readonly SignatureVerifier _verifier;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, EbsFakeSnapshot> _snapshots = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int> _calls = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, FakeRateLimit> _limits = new(StringComparer.Ordinal);
    private readonly byte[] _tokenKey = RandomNumberGenerator.GetBytes(32);
    private int _nextId;
    private long _listCalls;

    private EbsFake(EbsFakeOptions options, WebApplication application)
    {
        _options = options;
        _application = application;
        _verifier = new SignatureVerifier(options.Region, "ebs", options.TimeProvider, key => Identities!.FirstOrDefault(identity => identity.AccessKey == key));
        Identities = options.Identities;
    }

    public Uri Endpoint { get; private set; } = null!;

    public string Region => _options.Region;

    /// <summary>Who may ask; replaced as a whole.</summary>
    public IReadOnlyList<FakeIdentity> Identities { get; set; }

    /// <summary>The certificate that an https endpoint has signed itself, as PEM; null over http.</summary>
    public string? CertificatePem { get; private set; }

    /// <summary>Calls so far by operation, whatever came of them.</summary>
    public int Calls(string operation) => _calls.GetValueOrDefault(operation);

    public EbsFakeSnapshot this[string id]
    {
        get
        {
            lock (_lock)
            {
                return _snapshots[id];
            }
        }
    }

    public IReadOnlyList<string> SnapshotIds
    {
        get
        {
            lock (_lock)
            {
                return [.. _snapshots.Keys];
            }
        }
    }

    public static async Task<EbsFake> StartAsync(EbsFakeOptions? options = null)
    {
        options ??= new EbsFakeOptions();
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        using X509Certificate2? certificate = options.UsesHttps ? NewCertificate() : null;
        X509Certificate2? exported = certificate is null ? null : X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null);
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            if (exported is not null)
            {
                listen.UseHttps(exported);
            }
        }));
        WebApplication application = builder.Build();
        EbsFake fake = new(options, application) { CertificatePem = certificate?.ExportCertificatePem() };
        application.Run(fake.AnswerAsync);
        await application.StartAsync();
        string address = application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        fake.Endpoint = new Uri(address);
        return fake;
    }

    /// <summary>Adds a completed snapshot as the service would take it of a volume.</summary>
    public string AddSnapshot(int volumeSize, IReadOnlyDictionary<int, byte[]> blocks, string? parentId = null, IEnumerable<int>? removed = null)
    {
        lock (_lock)
        {
            EbsFakeSnapshot? parent = parentId is null ? null : _snapshots[parentId];
            string id = NewId();
            EbsFakeSnapshot snapshot = new() { Id = id, VolumeSize = volumeSize, Parent = parent, Lineage = parent?.Lineage ?? id };
            Dictionary<byte[], byte[]> digests = new(ReferenceEqualityComparer.Instance);
            foreach ((int index, byte[] content) in blocks)
            {
                if (!digests.TryGetValue(content, out byte[]? digest))
                {
                    digest = digests[content] = SHA256.HashData(content);
                }

                snapshot.Put(index, content, digest);
            }

            snapshot.Publish(removed ?? []);
            _snapshots[id] = snapshot;
            return id;
        }
    }

    /// <summary>What a completed snapshot reads as, from its start.</summary>
    public byte[] Read(string id, int length)
    {
        byte[] content = new byte[length];
        EbsFakeSnapshot snapshot = this[id];
        foreach (int index in snapshot.Indexes.TakeWhile(index => (long)index * BlockSize < length))
        {
            int offset = index * BlockSize;
            snapshot.Find(index)!.Content.AsSpan(0, Math.Min(BlockSize, length - offset)).CopyTo(content.AsSpan(offset));
        }

        return content;
    }

    public async ValueTask DisposeAsync() => await _application.DisposeAsync();

    private static X509Certificate2 NewCertificate()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=127.0.0.1", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(2));
    }

    private string NewId() => $"snap-{Interlocked.Increment(ref _nextId):x17}";

    private async Task AnswerAsync(HttpContext context)
    {
        context.Response.Headers.Date = _options.TimeProvider.GetUtcNow().ToString("R", CultureInfo.InvariantCulture);
        context.Response.Headers["x-amzn-RequestId"] = Guid.NewGuid().ToString();
        try
        {
            await HandleAsync(context);
        }
        catch (FakeFaultException fault)
        {
            await RefuseAsync(context, fault);
        }
        catch (OperationCanceledException)
        {
            context.Abort();
        }
    }

    private static async Task RefuseAsync(HttpContext context, FakeFaultException fault)
    {
        context.Response.StatusCode = fault.Status;
        context.Response.Headers["x-amzn-ErrorType"] = fault.Code;
        context.Response.ContentType = "application/json";
        JsonObject body = new() { ["Message"] = fault.Message };
        if (fault.Reason is not null)
        {
            body["Reason"] = fault.Reason;
        }

        await context.Response.WriteAsync(body.ToJsonString());
    }

    private async Task HandleAsync(HttpContext context)
    {
        HttpRequest request = context.Request;
        string target = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        string[] path = request.Path.Value!.Trim('/').Split('/');
        string operation = Operation(request.Method, path);
        byte[] body = await ReadBodyAsync(request, operation);
        byte[] digest = SHA256.HashData(body);
        int number = _calls.AddOrUpdate(operation, 1, static (_, count) => count + 1);
        if (_verifier.Check(request, target, Convert.ToHexStringLower(digest)) is { } refusal)
        {
            throw new FakeFaultException(403, refusal.Code, refusal.Message);
        }

        EbsFakeFault fault = _options.Fault?.Invoke(operation, number) ?? EbsFakeFault.None;
        await FailBeforeAsync(context, fault);
        Limit(operation, path);
        await (operation switch
        {
            "StartSnapshot" => StartAsync(context, body, fault),
            "PutSnapshotBlock" => PutAsync(context, path, body, digest, fault),
            "CompleteSnapshot" => CompleteAsync(context, path[2], fault),
            "ListSnapshotBlocks" => ListAsync(context, path[1], fault),
            "ListChangedBlocks" => ListChangesAsync(context, path[1], fault),
            _ => GetAsync(context, path, fault),
        });
    }

    private static string Operation(string method, string[] path) => (method, path) switch
    {
        ("POST", ["snapshots"]) => "StartSnapshot",
        ("POST", ["snapshots", "completion", _]) => "CompleteSnapshot",
        ("PUT", ["snapshots", _, "blocks", _]) => "PutSnapshotBlock",
        ("GET", ["snapshots", _, "blocks"]) => "ListSnapshotBlocks",
        ("GET", ["snapshots", _, "changedblocks"]) => "ListChangedBlocks",
        ("GET", ["snapshots", _, "blocks", _]) => "GetSnapshotBlock",
        _ => throw new FakeFaultException(404, "UnknownOperationException", "There is no such operation."),
    };

    private static async Task<byte[]> ReadBodyAsync(HttpRequest request, string operation)
    {
        if (operation == "PutSnapshotBlock")
        {
            byte[] block = new byte[BlockSize];
            int length = await request.Body.ReadAtLeastAsync(block, BlockSize, false, request.HttpContext.RequestAborted);
            return length == BlockSize && await request.Body.ReadAsync(new byte[1], request.HttpContext.RequestAborted) == 0 ? block : block[..Math.Min(length, BlockSize - 1)];
        }

        using MemoryStream buffer = new();
        await request.Body.CopyToAsync(buffer, request.HttpContext.RequestAborted);
        return buffer.ToArray();
    }

    private static async Task FailBeforeAsync(HttpContext context, EbsFakeFault fault)
    {
        switch (fault)
        {
            case EbsFakeFault.InternalError:
                throw new FakeFaultException(500, "InternalServerException", "An internal error occurred.");
            case EbsFakeFault.Throttled:
                throw new FakeFaultException(400, "RequestThrottledException", "Rate exceeded.", "ACCOUNT_THROTTLED");
            case EbsFakeFault.Unavailable:
                context.Response.Headers.RetryAfter = "1";
                throw new FakeFaultException(503, "ServiceUnavailable", "Try again.");
            case EbsFakeFault.Denied:
                throw new FakeFaultException(403, "AccessDeniedException", "The caller may not do this.", "UNAUTHORIZED_ACCOUNT");
            case EbsFakeFault.Reset:
                context.Abort();
                throw new OperationCanceledException();
            case EbsFakeFault.Hang:
                await Task.Delay(TimeSpan.FromMinutes(5), context.RequestAborted);
                break;
        }
    }

    private void Limit(string operation, string[] path)
    {
        (string Key, int Rate)[] limits = operation switch
        {
            "PutSnapshotBlock" or "GetSnapshotBlock" => [(operation, _options.BlocksPerSecond), ($"{operation} {path[1]}", _options.BlocksPerSecond)],
            "ListSnapshotBlocks" or "ListChangedBlocks" => [(operation, _options.ListsPerSecond)],
            _ => [(operation, 10)],
        };
        foreach ((string key, int rate) in limits)
        {
            if (!_limits.GetOrAdd(key, _ => new FakeRateLimit(rate)).TryTake())
            {
                throw new FakeFaultException(400, "RequestThrottledException", "The number of API requests has exceeded the maximum allowed.", key == operation ? "ACCOUNT_THROTTLED" : "RESOURCE_LEVEL_THROTTLE");
            }
        }
    }

    private async Task StartAsync(HttpContext context, byte[] body, EbsFakeFault fault)
    {
        JsonObject request = Parse(body);
        int volumeSize = (int?)request["VolumeSize"] ?? 0;
        string? parentId = (string?)request["ParentSnapshotId"];
        string? clientToken = (string?)request["ClientToken"];
        if (volumeSize is < 1 or > 65_536)
        {
            throw Invalid("INVALID_VOLUME_SIZE", "VolumeSize must be from 1 to 65536 GiB.");
        }

        if (clientToken is { Length: > 64 } || (int?)request["Timeout"] is < 10 or > 4320)
        {
            throw Invalid("INVALID_PARAMETER_VALUE", "ClientToken or Timeout is out of range.");
        }

        if (parentId is not null && ((bool?)request["Encrypted"] is not null || request["KmsKeyArn"] is not null))
        {
            throw Invalid("INVALID_PARAMETER_VALUE", "Encrypted and ParentSnapshotId cannot be combined.");
        }

        EbsFakeSnapshot snapshot;
        lock (_lock)
        {
            string parameters = request.ToJsonString();
            EbsFakeSnapshot? known = clientToken is null ? null : _snapshots.Values.FirstOrDefault(other => other.ClientToken == clientToken);
            if (known is not null && known.Parameters != parameters)
            {
                throw new FakeFaultException(409, "ConflictException", "The request uses the same client token as a previous, but non-identical request.");
            }

            EbsFakeSnapshot? parent = parentId is null ? null : _snapshots.GetValueOrDefault(parentId) ?? throw NotFound();
            if (parent is { IsCompleted: false })
            {
                throw Invalid("INVALID_SNAPSHOT_ID", "The parent is not completed.");
            }

            if (parent?.VolumeSize > volumeSize)
            {
                throw Invalid("INVALID_VOLUME_SIZE", "The volume is smaller than that of the parent.");
            }

            string id = NewId();
            snapshot = known ?? new EbsFakeSnapshot
            {
                Id = id, VolumeSize = volumeSize, Parent = parent, Lineage = parent?.Lineage ?? id, ClientToken = clientToken, Parameters = parameters,
                Description = (string?)request["Description"], BegunAt = _options.TimeProvider.GetTimestamp(),
            };
            _snapshots[snapshot.Id] = snapshot;
        }

        FailAfterwards(fault);
        JsonObject answer = new()
        {
            ["SnapshotId"] = snapshot.Id, ["OwnerId"] = "123456789012", ["Status"] = snapshot.IsCompleted ? "completed" : "pending",
            ["StartTime"] = _options.TimeProvider.GetUtcNow().ToUnixTimeSeconds(), ["VolumeSize"] = snapshot.VolumeSize, ["BlockSize"] = BlockSize,
        };
        if (snapshot.Parent is not null)
        {
            answer["ParentSnapshotId"] = snapshot.Parent.Id;
        }

        await WriteAsync(context, 201, answer.ToJsonString(), fault);
    }

    private async Task PutAsync(HttpContext context, string[] path, byte[] body, byte[] digest, EbsFakeFault fault)
    {
        EbsFakeSnapshot snapshot = Find(path[1]);
        IHeaderDictionary headers = context.Request.Headers;
        if (headers["x-amz-Data-Length"] != "524288" || body.Length != BlockSize)
        {
            throw Invalid("INVALID_BLOCK", $"A block must have 524288 bytes; the header says {headers["x-amz-Data-Length"]}, and {body.Length} came.");
        }

        if (headers["x-amz-Checksum-Algorithm"] != "SHA256" || headers["x-amz-Checksum"] != Convert.ToBase64String(digest))
        {
            throw Invalid("INVALID_BLOCK", "The checksum is not that of the block.");
        }

        if (!int.TryParse(path[3], NumberStyles.None, CultureInfo.InvariantCulture, out int index) || index >= snapshot.BlockCount)
        {
            throw Invalid("INVALID_PARAMETER_VALUE", "The index of the block is beyond the volume.");
        }

        if (snapshot.IsSealed)
        {
            throw Invalid("INVALID_SNAPSHOT_ID", "The snapshot is not pending.");
        }

        snapshot.Put(index, body, digest);
        FailAfterwards(fault);
        context.Response.Headers["x-amz-Checksum"] = fault == EbsFakeFault.WrongEcho ? Convert.ToBase64String(new byte[32]) : Convert.ToBase64String(digest);
        context.Response.Headers["x-amz-Checksum-Algorithm"] = "SHA256";
        context.Response.StatusCode = 201;
    }

    private async Task CompleteAsync(HttpContext context, string id, EbsFakeFault fault)
    {
        EbsFakeSnapshot snapshot = Find(id);
        IHeaderDictionary headers = context.Request.Headers;
        if (!int.TryParse(headers["x-amz-ChangedBlocksCount"], NumberStyles.None, CultureInfo.InvariantCulture, out int count))
        {
            throw Invalid("INVALID_PARAMETER_VALUE", "ChangedBlocksCount is missing.");
        }

        string checksum = headers["x-amz-Checksum"].ToString();
        if (checksum.Length > 0 && (headers["x-amz-Checksum-Algorithm"] != "SHA256" || headers["x-amz-Checksum-Aggregation-Method"] != "LINEAR"))
        {
            throw Invalid("INVALID_PARAMETER_VALUE", "A checksum needs its algorithm and its aggregation method.");
        }

        if (snapshot.IsSealed)
        {
            throw Invalid("INVALID_SNAPSHOT_ID", "The snapshot is not pending.");
        }

        if (snapshot.Seal(count, checksum.Length > 0 ? Convert.FromBase64String(checksum) : null, _options.PollsUntilCompleted) is { } refusal)
        {
            throw Invalid("INVALID_PARAMETER_VALUE", refusal);
        }

        FailAfterwards(fault);
        await WriteAsync(context, 202, """{"Status":"pending"}""", fault);
    }

    private async Task ListAsync(HttpContext context, string id, EbsFakeFault fault)
    {
        EbsFakeSnapshot snapshot = FindCompleted(id);
        await WriteAsync(context, 200, Page(context.Request.Query, snapshot, "Blocks", snapshot.Indexes, (index, expiry, call) => new JsonObject
        {
            ["BlockIndex"] = index, ["BlockToken"] = BlockToken(snapshot.Id, index, expiry, call),
        }), fault);
    }

    private async Task ListChangesAsync(HttpContext context, string id, EbsFakeFault fault)
    {
        EbsFakeSnapshot second = FindCompleted(id);
        EbsFakeSnapshot? first = context.Request.Query["firstSnapshotId"].ToString() is { Length: > 0 } firstId ? FindCompleted(firstId) : null;
        if (first is not null && first.Lineage != second.Lineage)
        {
            throw Invalid("UNRELATED_SNAPSHOTS", "The snapshots are not related.");
        }

        await WriteAsync(context, 200, Page(context.Request.Query, second, "ChangedBlocks", EbsFakeSnapshot.Changes(first, second), (index, expiry, call) =>
        {
            JsonObject block = new() { ["BlockIndex"] = index };
            if (first?.Find(index) is not null)
            {
                block["FirstBlockToken"] = BlockToken(first.Id, index, expiry, call);
            }

            if (second.Find(index) is not null)
            {
                block["SecondBlockToken"] = BlockToken(second.Id, index, expiry, call);
            }

            return block;
        }), fault);
    }

    private string Page(IQueryCollection query, EbsFakeSnapshot snapshot, string name, int[] indexes, Func<int, DateTimeOffset, long, JsonObject> describe)
    {
        int maxResults = Math.Min(_options.MaxPageLength, Math.Clamp(Number(query, "maxResults", 10_000), 100, 10_000));
        int start = Number(query, "startingBlockIndex", 0);
        bool mayBeEmpty = true;
        if (query["pageToken"].ToString() is { Length: > 0 } pageToken)
        {
            (start, mayBeEmpty) = ReadPageToken(pageToken, snapshot.Id + name);
        }

        long call = Interlocked.Increment(ref _listCalls);
        DateTimeOffset now = _options.TimeProvider.GetUtcNow();
        DateTimeOffset expiry = now + s_blockTokenLife;
        int from = Array.BinarySearch(indexes, start);
        from = from < 0 ? ~from : from;
        bool isEmpty = mayBeEmpty && _options.EmptyPageEvery > 0 && call % _options.EmptyPageEvery == 0 && from < indexes.Length;
        int count = isEmpty ? 0 : Math.Min(maxResults, indexes.Length - from);
        JsonArray blocks = [.. indexes.AsSpan(from, count).ToArray().Select(index => (JsonNode)describe(index, expiry, call))];
        JsonObject page = new()
        {
            [name] = blocks, ["ExpiryTime"] = expiry.ToUnixTimeMilliseconds() / 1000.0, ["VolumeSize"] = snapshot.VolumeSize, ["BlockSize"] = BlockSize,
        };
        if (from + count < indexes.Length)
        {
            page["NextToken"] = PageToken(snapshot.Id + name, indexes[from + count], now + s_pageTokenLife, !isEmpty);
        }

        return page.ToJsonString();
    }

    private async Task GetAsync(HttpContext context, string[] path, EbsFakeFault fault)
    {
        EbsFakeSnapshot snapshot = FindCompleted(path[1]);
        int index = int.Parse(path[3], CultureInfo.InvariantCulture);
        byte[] token = Decode(context.Request.Query["blockToken"].ToString(), "INVALID_BLOCK_TOKEN");
        if (token.Length != 48 || !Mac(token[..16], $"{snapshot.Id} {index}").AsSpan().SequenceEqual(token.AsSpan(16)))
        {
            throw Invalid("INVALID_BLOCK_TOKEN", "The block token is not that of the block.");
        }

        if (BinaryPrimitives.ReadInt64BigEndian(token) <= _options.TimeProvider.GetUtcNow().ToUnixTimeSeconds())
        {
            throw Invalid("INVALID_BLOCK_TOKEN", "The block token is expired.");
        }

        EbsFakeSnapshot.StoredBlock block = snapshot.Find(index) ?? throw Invalid("INVALID_BLOCK", "The snapshot has no such block.");
        context.Response.Headers["x-amz-Data-Length"] = "524288";
        context.Response.Headers["x-amz-Checksum"] = Convert.ToBase64String(block.Digest);
        context.Response.Headers["x-amz-Checksum-Algorithm"] = "SHA256";
        byte[] content = block.Content;
        if (fault == EbsFakeFault.WrongChecksum)
        {
            content = [.. content];
            content[100_000] ^= 1;
        }

        context.Response.ContentType = "application/octet-stream";
        await WriteAsync(context, 200, content, fault);
    }

    private static void FailAfterwards(EbsFakeFault fault)
    {
        if (fault == EbsFakeFault.InternalErrorAfterwards)
        {
            throw new FakeFaultException(500, "InternalServerException", "An internal error occurred.");
        }
    }

    private static async Task WriteAsync(HttpContext context, int status, string json, EbsFakeFault fault)
    {
        context.Response.ContentType = "application/json";
        await WriteAsync(context, status, Encoding.UTF8.GetBytes(json), fault);
    }

    private static async Task WriteAsync(HttpContext context, int status, byte[] body, EbsFakeFault fault)
    {
        context.Response.StatusCode = status;
        if (fault == EbsFakeFault.Truncated)
        {
            context.Response.ContentLength = body.Length / 2;
            await context.Response.Body.WriteAsync(body.AsMemory(0, body.Length / 2));
            return;
        }

        context.Response.ContentLength = body.Length;
        if (fault == EbsFakeFault.ResetMidBody)
        {
            await context.Response.Body.WriteAsync(body.AsMemory(0, body.Length / 2));
            await context.Response.Body.FlushAsync();
            context.Abort();
            return;
        }

        await context.Response.Body.WriteAsync(body);
    }

    private EbsFakeSnapshot Find(string id)
    {
        lock (_lock)
        {
            EbsFakeSnapshot snapshot = _snapshots.GetValueOrDefault(id) ?? throw NotFound();
            return _options.TimeProvider.GetElapsedTime(snapshot.BegunAt) < _options.AppearanceDelay && snapshot.BegunAt > 0 ? throw NotFound() : snapshot;
        }
    }

    private EbsFakeSnapshot FindCompleted(string id)
    {
        EbsFakeSnapshot snapshot = Find(id);
        lock (_lock)
        {
            if (!snapshot.IsCompleted)
            {
                snapshot.PollsLeft -= snapshot.IsSealed ? 1 : 0;
                throw Invalid("INVALID_SNAPSHOT_ID", "The snapshot is not completed.");
            }
        }

        return snapshot;
    }

    private static JsonObject Parse(byte[] body)
    {
        try
        {
            return JsonNode.Parse(body)!.AsObject();
        }
        catch (JsonException)
        {
            throw new FakeFaultException(400, "SerializationException", "The body is no JSON.");
        }
    }

    private static int Number(IQueryCollection query, string name, int otherwise)
    {
        string text = query[name].ToString();
        return text.Length == 0 ? otherwise
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number
            : throw Invalid("INVALID_PARAMETER_VALUE", $"{name} is no number.");
    }

    private string BlockToken(string snapshotId, int index, DateTimeOffset expiry, long call)
    {
        byte[] head = new byte[16];
        BinaryPrimitives.WriteInt64BigEndian(head, expiry.ToUnixTimeSeconds());
        BinaryPrimitives.WriteInt64BigEndian(head.AsSpan(8), call);
        return Convert.ToBase64String([.. head, .. Mac(head, $"{snapshotId} {index}")]);
    }

    private string PageToken(string what, int index, DateTimeOffset expiry, bool mayBeEmpty)
    {
        byte[] head = new byte[16];
        BinaryPrimitives.WriteInt64BigEndian(head, expiry.ToUnixTimeSeconds());
        BinaryPrimitives.WriteInt32BigEndian(head.AsSpan(8), index);
        head[12] = mayBeEmpty ? (byte)1 : (byte)0;
        return Convert.ToBase64String([.. head, .. Mac(head, what)]);
    }

    private (int Index, bool MayBeEmpty) ReadPageToken(string text, string what)
    {
        byte[] token = Decode(text, "INVALID_PAGE_TOKEN");
        if (token.Length != 48 || !Mac(token[..16], what).AsSpan().SequenceEqual(token.AsSpan(16)) || BinaryPrimitives.ReadInt64BigEndian(token) <= _options.TimeProvider.GetUtcNow().ToUnixTimeSeconds())
        {
            throw Invalid("INVALID_PAGE_TOKEN", "The page token is not of this list, or expired.");
        }

        return (BinaryPrimitives.ReadInt32BigEndian(token.AsSpan(8)), token[12] == 1);
    }

    private byte[] Mac(byte[] head, string what) => HMACSHA256.HashData(_tokenKey, (byte[])[.. head, .. Encoding.UTF8.GetBytes(what)]);

    private static byte[] Decode(string text, string reason)
    {
        try
        {
            return Convert.FromBase64String(text);
        }
        catch (FormatException)
        {
            throw Invalid(reason, "The token is no base64.");
        }
    }

    private static FakeFaultException Invalid(string reason, string message) => new(400, "ValidationException", message, reason);

    private static FakeFaultException NotFound() => new(404, "ResourceNotFoundException", "The snapshot does not exist.", "SNAPSHOT_NOT_FOUND");
}
