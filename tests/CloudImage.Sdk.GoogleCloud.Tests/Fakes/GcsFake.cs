using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.GoogleCloud.Tests.Fakes;

/// <summary>
/// The JSON interface of Cloud Storage in memory, on loopback: buckets, uploads in one request and resumable, conditions on generations, checksums,
/// ranges, listings, and tokens for service accounts.
/// </summary>
/// <remarks>
/// Checked by the vendor's own client (tests/oracles/gcs.mjs). It keeps the service's rules where a careless client would break them: pieces of a
/// resumable upload are multiples of 256 KiB, what is kept may be less than what was sent, sessions expire, and a checksum that does not fit
/// is refused.
/// </remarks>
internal sealed class GcsFake : IAsyncDisposable
{
    private const int PieceUnit = 256 << 10;

    private readonly HttpListener _listener = new();
    private readonly ConcurrentDictionary<string, SortedDictionary<string, GcsFakeObject>> _buckets = new();
    private readonly ConcurrentDictionary<string, GcsFakeSession> _sessions = new();
    private readonly ConcurrentDictionary<Task, byte> _answers = new();
    private readonly Lock _lock = new();
    private readonly Task _serving;
    private long _generation = 1000;

    public GcsFake()
    {
        Port = FindFreePort();
        Address = new Uri($"http://127.0.0.1:{Port}");
        _listener.Prefixes.Add($"http://127.0.0.1:{Port}/");
        _listener.Start();
        _serving = ServeAsync();
    }

    public int Port { get; }

    public Uri Address { get; }

    public Uri TokenAddress => new(Address, "/token");

    public GcsFakeAuthority Authority { get; } = new();

    /// <summary>Whether requests need a token.</summary>
    public bool RequiresToken { get; set; }

    /// <summary>How many of the bytes of a piece the service keeps: given its length, a number that is rounded down to 256 KiB.</summary>
    public Func<int, int> Keep { get; set; } = static length => length;

    /// <summary>Called for each request after its body was read; a status other than 0 is answered instead of doing it.</summary>
    public Func<string, string, int> Refuse { get; set; } = static (_, _) => 0;

    /// <summary>Method and path with query of each request.</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    public void AddBucket(string name) => _buckets[name] = new SortedDictionary<string, GcsFakeObject>(StringComparer.Ordinal);

    /// <summary>Expires every resumable upload that is under way.</summary>
    public void ExpireSessions()
    {
        foreach (GcsFakeSession session in _sessions.Values)
        {
            session.IsExpired = true;
        }
    }

    public GcsFakeObject? Find(string bucket, string name)
    {
        lock (_lock)
        {
            return _buckets.TryGetValue(bucket, out var objects) ? objects.GetValueOrDefault(name) : null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _serving;
        await Task.WhenAll(_answers.Keys);
        _listener.Close();
        Authority.Dispose();
    }

    private static int FindFreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private async Task ServeAsync()
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

            Task answer = Task.Run(() => AnswerAsync(context));
            _answers[answer] = 0;
            _ = answer.ContinueWith(done => _answers.TryRemove(done, out _), TaskScheduler.Default);
        }
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        try
        {
            using MemoryStream body = new();
            await context.Request.InputStream.CopyToAsync(body);
            Requests.Enqueue($"{context.Request.HttpMethod} {context.Request.RawUrl}");
            try
            {
                int status = Refuse(context.Request.HttpMethod, context.Request.RawUrl!);
                if (status != 0)
                {
                    throw new GcsFakeException(status, "backendError", "Injected by the test.");
                }

                Route(context, body.ToArray());
            }
            catch (GcsFakeException exception)
            {
                Answer(context, exception.Status, new JsonObject
                {
                    ["error"] = new JsonObject
                    {
                        ["code"] = exception.Status,
                        ["message"] = exception.Message,
                        ["errors"] = new JsonArray(new JsonObject { ["domain"] = "global", ["reason"] = exception.Reason, ["message"] = exception.Message }),
                    },
                });
            }

            context.Response.Close();
        }
        catch (Exception exception) when (exception is HttpListenerException or IOException or ObjectDisposedException)
        {
            // The client has gone.
        }
    }

    private void Route(HttpListenerContext context, byte[] body)
    {
        HttpListenerRequest request = context.Request;
        string path = request.RawUrl!.Split('?')[0];
        string method = request.HttpMethod;
        if (path == "/token" && method == "POST")
        {
            (int status, JsonObject answer) = Authority.Exchange(Encoding.UTF8.GetString(body), TokenAddress.ToString());
            Answer(context, status, answer);
            return;
        }

        // The address of a session is a secret of its own.
        bool isSession = path.StartsWith("/upload/", StringComparison.Ordinal) && request.QueryString["upload_id"] is not null;
        if (RequiresToken && !isSession)
        {
            Authority.Check(request.Headers["Authorization"]);
        }

        string[] parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        switch (parts)
        {
            case ["storage", "v1", "b"] when method == "POST":
                CreateBucket(context, body);
                break;
            case ["storage", "v1", "b", var bucket] when method == "GET":
                Objects(bucket);
                Answer(context, 200, new JsonObject { ["kind"] = "storage#bucket", ["name"] = bucket });
                break;
            case ["storage", "v1", "b", var bucket, "o"] when method == "GET":
                List(context, Uri.UnescapeDataString(bucket));
                break;
            case ["storage", "v1", "b", var bucket, "o", var name] when method == "GET":
                Read(context, Uri.UnescapeDataString(bucket), Uri.UnescapeDataString(name));
                break;
            case ["storage", "v1", "b", var bucket, "o", var name] when method == "DELETE":
                Delete(context, Uri.UnescapeDataString(bucket), Uri.UnescapeDataString(name));
                break;
            case ["upload", "storage", "v1", "b", var bucket, "o"] when isSession && method == "PUT":
                TakePiece(context, body);
                break;
            case ["upload", "storage", "v1", "b", var bucket, "o"] when isSession && method == "DELETE":
                _sessions.TryRemove(request.QueryString["upload_id"]!, out _);
                context.Response.StatusCode = 499;
                break;
            case ["upload", "storage", "v1", "b", var bucket, "o"] when method == "POST":
                Upload(context, Uri.UnescapeDataString(bucket), body);
                break;
            default:
                throw new GcsFakeException(404, "notFound", $"Nothing here answers {method} {path}.");
        }
    }

    private void CreateBucket(HttpListenerContext context, byte[] body)
    {
        if (string.IsNullOrEmpty(context.Request.QueryString["project"]))
        {
            throw new GcsFakeException(400, "required", "Required parameter: project");
        }

        JsonNode bucket = JsonNode.Parse(body)!;
        if (!_buckets.TryAdd((string)bucket["name"]!, new SortedDictionary<string, GcsFakeObject>(StringComparer.Ordinal)))
        {
            throw new GcsFakeException(409, "conflict", "Your previous request to create the named bucket succeeded and you already own it.");
        }

        Answer(context, 200, new JsonObject { ["kind"] = "storage#bucket", ["name"] = (string)bucket["name"]! });
    }

    private void Upload(HttpListenerContext context, string bucket, byte[] body)
    {
        HttpListenerRequest request = context.Request;
        Objects(bucket);
        switch (request.QueryString["uploadType"])
        {
            case "multipart":
                (JsonObject metadata, byte[] media) = ReadMultipart(request.ContentType!, body);
                metadata["name"] ??= request.QueryString["name"];
                Answer(context, 200, Create(bucket, metadata, media, Condition(request)).ToJson());
                break;
            case "media":
                Answer(context, 200, Create(bucket, new JsonObject { ["name"] = request.QueryString["name"], ["contentType"] = request.ContentType }, body, Condition(request)).ToJson());
                break;
            case "resumable":
                BeginSession(context, bucket, body);
                break;
            default:
                throw new GcsFakeException(400, "invalid", "uploadType must be one of media, multipart, resumable.");
        }
    }

    private void BeginSession(HttpListenerContext context, string bucket, byte[] body)
    {
        HttpListenerRequest request = context.Request;
        JsonObject metadata = body.Length == 0 ? [] : JsonNode.Parse(body)!.AsObject();
        metadata["name"] ??= request.QueryString["name"];
        ThrowIfConditionFails(bucket, (string)metadata["name"]!, Condition(request));
        string id = Guid.NewGuid().ToString("N");
        long? length = request.Headers["X-Upload-Content-Length"] is { } text ? long.Parse(text, CultureInfo.InvariantCulture) : null;
        _sessions[id] = new GcsFakeSession(bucket, metadata, Condition(request), length);
        context.Response.Headers["Location"] = $"http://{request.UserHostName}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={id}";
        context.Response.StatusCode = 200;
    }

    private void TakePiece(HttpListenerContext context, byte[] body)
    {
        HttpListenerRequest request = context.Request;
        if (!_sessions.TryGetValue(request.QueryString["upload_id"]!, out GcsFakeSession? session))
        {
            throw new GcsFakeException(404, "notFound", "No such upload.");
        }

        lock (session)
        {
            if (session.IsExpired)
            {
                throw new GcsFakeException(410, "gone", "The requested upload session is gone.");
            }

            if (session.Result is { } done)
            {
                Answer(context, 200, done.ToJson());
                return;
            }

            (long? first, long? total) = ReadContentRange(request.Headers["Content-Range"], body.Length);
            if (first is { } offset)
            {
                if (offset > session.Kept.Length)
                {
                    throw new GcsFakeException(503, "backendError", $"Invalid request. There were {session.Kept.Length} byte(s) persisted; the piece begins at {offset}.");
                }

                bool isLast = total == offset + body.Length;
                if (!isLast && (offset + body.Length) % PieceUnit != 0)
                {
                    throw new GcsFakeException(400, "badRequest", "Invalid request. The number of bytes uploaded is required to be equal or greater than 262144, and a multiple of it.");
                }

                int skip = (int)(session.Kept.Length - offset);
                int kept = Keep(body.Length);
                if (kept < body.Length)
                {
                    // What is kept of a piece that is not kept whole ends at a multiple.
                    kept = (int)Math.Max(0, ((offset + kept) / PieceUnit * PieceUnit) - offset);
                }

                if (kept > skip)
                {
                    session.Kept.Write(body, skip, kept - skip);
                }
            }

            if (total is { } length && session.Kept.Length == length)
            {
                if (session.AnnouncedLength is { } announced && announced != length)
                {
                    throw new GcsFakeException(400, "invalid", $"The upload has {length} bytes where {announced} were announced.");
                }

                session.Result = Create(session.Bucket, session.Metadata, session.Kept.ToArray(), session.IfGenerationMatch);
                Answer(context, 200, session.Result.ToJson());
                return;
            }

            if (session.Kept.Length > 0)
            {
                context.Response.Headers["Range"] = $"bytes=0-{session.Kept.Length - 1}";
            }

            context.Response.StatusCode = 308;
        }
    }

    private GcsFakeObject Create(string bucket, JsonObject metadata, byte[] content, long? condition)
    {
        if (string.IsNullOrEmpty((string?)metadata["name"]))
        {
            throw new GcsFakeException(400, "required", "Required: name");
        }

        GcsFakeObject made = new(bucket, metadata, content, Interlocked.Increment(ref _generation));
        if ((string?)metadata["crc32c"] is { } checksum && checksum != made.Checksum)
        {
            throw new GcsFakeException(400, "invalid", $"Provided CRC32C \"{checksum}\" doesn't match calculated CRC32C \"{made.Checksum}\".");
        }

        if ((string?)metadata["md5Hash"] is { } md5 && md5 != made.Md5)
        {
            throw new GcsFakeException(400, "invalid", $"Provided MD5 hash \"{md5}\" doesn't match calculated MD5 hash \"{made.Md5}\".");
        }

        lock (_lock)
        {
            ThrowIfConditionFails(bucket, made.Name, condition);
            Objects(bucket)[made.Name] = made;
        }

        return made;
    }

    private void ThrowIfConditionFails(string bucket, string name, long? condition)
    {
        if (condition is not null && (condition != 0 || Find(bucket, name) is not null))
        {
            throw new GcsFakeException(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.");
        }
    }

    private void Read(HttpListenerContext context, string bucket, string name)
    {
        GcsFakeObject found = Find(bucket, name) ?? throw new GcsFakeException(404, "notFound", $"No such object: {bucket}/{name}");
        HttpListenerResponse response = context.Response;
        if (context.Request.QueryString["alt"] != "media")
        {
            Answer(context, 200, found.ToJson());
            return;
        }

        response.Headers["x-goog-hash"] = $"crc32c={found.Checksum},md5={found.Md5}";
        response.Headers["x-goog-stored-content-length"] = $"{found.Content.Length}";
        response.ContentType = "application/octet-stream";
        byte[] content = found.Content;
        if (context.Request.Headers["Range"] is { } range && range.StartsWith("bytes=", StringComparison.Ordinal))
        {
            string[] ends = range[6..].Split('-');
            long first = long.Parse(ends[0], CultureInfo.InvariantCulture);
            long last = ends[1].Length == 0 ? long.MaxValue : long.Parse(ends[1], CultureInfo.InvariantCulture);
            if (first >= content.Length)
            {
                response.Headers["Content-Range"] = $"bytes */{content.Length}";
                throw new GcsFakeException(416, "requestedRangeNotSatisfiable", "The requested range cannot be satisfied.");
            }

            last = Math.Min(last, content.Length - 1);
            response.Headers["Content-Range"] = $"bytes {first}-{last}/{content.Length}";
            response.StatusCode = 206;
            content = content[(int)first..(int)(last + 1)];
        }

        response.ContentLength64 = content.Length;
        response.OutputStream.Write(content);
    }

    private void Delete(HttpListenerContext context, string bucket, string name)
    {
        lock (_lock)
        {
            if (!Objects(bucket).Remove(name))
            {
                throw new GcsFakeException(404, "notFound", $"No such object: {bucket}/{name}");
            }
        }

        context.Response.StatusCode = 204;
    }

    private void List(HttpListenerContext context, string bucket)
    {
        var query = context.Request.QueryString;
        string prefix = query["prefix"] ?? string.Empty;
        string start = query["startOffset"] ?? string.Empty;
        string after = query["pageToken"] is { } token ? Encoding.UTF8.GetString(Convert.FromBase64String(token)) : string.Empty;
        int limit = Math.Min(1000, int.Parse(query["maxResults"] ?? "1000", CultureInfo.InvariantCulture));
        List<GcsFakeObject> found;
        lock (_lock)
        {
            found = [.. Objects(bucket).Values.Where(entry => entry.Name.StartsWith(prefix, StringComparison.Ordinal) && string.CompareOrdinal(entry.Name, start) >= 0
                && (after.Length == 0 || string.CompareOrdinal(entry.Name, after) > 0)).Take(limit + 1)];
        }

        JsonObject answer = new() { ["kind"] = "storage#objects" };
        if (found.Count > limit)
        {
            found.RemoveAt(limit);
            answer["nextPageToken"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(found[^1].Name));
        }

        if (found.Count > 0)
        {
            answer["items"] = new JsonArray([.. found.Select(static entry => entry.ToJson())]);
        }

        Answer(context, 200, answer);
    }

    private SortedDictionary<string, GcsFakeObject> Objects(string bucket) =>
        _buckets.TryGetValue(bucket, out var objects) ? objects : throw new GcsFakeException(404, "notFound", "The specified bucket does not exist.");

    private static long? Condition(HttpListenerRequest request) =>
        request.QueryString["ifGenerationMatch"] is { } text ? long.Parse(text, CultureInfo.InvariantCulture) : null;

    private static (long? First, long? Total) ReadContentRange(string? text, int length)
    {
        // Without the header a request holds the whole object.
        if (text is null)
        {
            return (0, length);
        }

        string[] parts = text.StartsWith("bytes ", StringComparison.Ordinal) ? text[6..].Split('/') : [];
        if (parts.Length != 2)
        {
            throw new GcsFakeException(400, "invalid", $"Invalid Content-Range '{text}'.");
        }

        long? total = parts[1] == "*" ? null : long.Parse(parts[1], CultureInfo.InvariantCulture);
        if (parts[0] == "*")
        {
            return (null, total);
        }

        string[] ends = parts[0].Split('-');
        long first = long.Parse(ends[0], CultureInfo.InvariantCulture);

        // A client that streams says "0-*": where it ends stands in the length of its body.
        return ends[1] == "*" || long.Parse(ends[1], CultureInfo.InvariantCulture) - first + 1 == length
            ? (first, total ?? (ends[1] == "*" ? first + length : null))
            : throw new GcsFakeException(400, "invalid", $"Content-Range '{text}' does not fit a body of {length} bytes.");
    }

    private static (JsonObject Metadata, byte[] Media) ReadMultipart(string contentType, byte[] body)
    {
        int at = contentType.IndexOf("boundary=", StringComparison.Ordinal);
        byte[] boundary = Encoding.ASCII.GetBytes("--" + contentType[(at + 9)..].Split(';')[0].Trim('"'));
        List<byte[]> parts = [];
        int start = body.AsSpan().IndexOf(boundary) + boundary.Length;
        while (parts.Count < 2)
        {
            int headerEnd = body.AsSpan(start).IndexOf("\r\n\r\n"u8) + start + 4;
            int end = body.AsSpan(headerEnd).IndexOf(boundary) + headerEnd - 2;
            parts.Add(body[headerEnd..end]);
            start = end + 2 + boundary.Length;
        }

        return (JsonNode.Parse(parts[0])!.AsObject(), parts[1]);
    }

    private static void Answer(HttpListenerContext context, int status, JsonObject body)
    {
        byte[] content = Encoding.UTF8.GetBytes(body.ToJsonString());
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json; charset=UTF-8";
        context.Response.ContentLength64 = content.Length;
        context.Response.OutputStream.Write(content);
    }
}
