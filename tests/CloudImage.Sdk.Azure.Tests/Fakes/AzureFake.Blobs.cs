using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using System.Xml.Linq;
using Microsoft.AspNetCore.Http;

namespace CloudImage.Sdk.Azure.Tests.Fakes;

/// <content>The blob service: containers, page blobs, their snapshots and pages.</content>
internal sealed partial class AzureFake
{
    private const int MaxPutLength = 4 << 20;

    private readonly HashSet<string> _containers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FakePageBlob> _blobs = new(StringComparer.Ordinal);
    private DateTime _lastSnapshot;

    /// <summary>A blob by its name, such as <c>container/disk.vhd</c>.</summary>
    public FakePageBlob Blob(string name)
    {
        lock (_lock)
        {
            return _blobs[name];
        }
    }

    private byte[]? AnswerBlob(HttpContext context, string target, byte[] body)
    {
        HttpRequest request = context.Request;
        string[] parts = request.Path.Value!.Split('/', 4);
        if (parts.Length < 3 || parts[1] != Account)
        {
            throw new FakeAnswerException(404, "ResourceNotFound", "The specified resource does not exist.");
        }

        string container = parts[2];
        string blob = parts.Length > 3 ? parts[3] : string.Empty;
        string component = request.Query["comp"].ToString();
        lock (_lock)
        {
            FakeGrant? grant = Authorize(request, target, container, blob, component);
            if (blob.Length == 0)
            {
                return AnswerContainer(context, container);
            }

            if (!_containers.Contains(container))
            {
                throw new FakeAnswerException(404, "ContainerNotFound", "The specified container does not exist.");
            }

            string name = $"{container}/{blob}";
            return (request.Method, component) switch
            {
                ("PUT", "") => Create(context, name),
                ("PUT", "page") => PutPage(context, Find(request, name), body),
                ("PUT", "snapshot") => TakeSnapshot(context, Find(request, name)),
                ("PUT", "metadata") => SetMetadata(context, Find(request, name)),
                ("PUT", "properties") => SetProperties(context, Find(request, name)),
                ("HEAD", "") => Describe(context, Find(request, name)),
                ("GET", "") => Get(context, Find(request, name)),
                ("GET", "pagelist") => ListPages(context, Find(request, name), name, grant),
                ("DELETE", "") => Delete(context, name, Find(request, name)),
                _ => throw new FakeAnswerException(400, "UnsupportedOperation", "The fake does not know this."),
            };
        }
    }

    private FakeGrant? Authorize(HttpRequest request, string target, string container, string blob, string component)
    {
        string permissions = (request.Method, component) switch
        {
            ("GET" or "HEAD", _) => "r",
            ("PUT", "snapshot" or "") => "cw",
            ("DELETE", _) => "d",
            _ => "w",
        };
        if (container.StartsWith("md-", StringComparison.Ordinal))
        {
            return AuthorizeManaged(request, container, blob, component, permissions);
        }

        if (request.Query.ContainsKey("sig"))
        {
            AzureSignatures.VerifySas(request, Account, container, blob, Key, permissions, _options.TimeProvider.GetUtcNow());
        }
        else if (request.Headers.ContainsKey("Authorization"))
        {
            AzureSignatures.VerifySharedKey(request, target, Account, Key);
        }
        else
        {
            throw new FakeAnswerException(401, "NoAuthenticationInformation", "Server failed to authenticate the request. Please refer to the information in the www-authenticate header.");
        }

        return null;
    }

    private byte[]? AnswerContainer(HttpContext context, string container)
    {
        if (context.Request.Method != "PUT" || context.Request.Query["restype"] != "container")
        {
            throw new FakeAnswerException(400, "UnsupportedOperation", "The fake does not know this.");
        }

        if (!_containers.Add(container))
        {
            throw new FakeAnswerException(409, "ContainerAlreadyExists", "The specified container already exists.");
        }

        Created(context, "\"0x1\"");
        return null;
    }

    private FakePageBlob Find(HttpRequest request, string name)
    {
        FakePageBlob? blob = _blobs.GetValueOrDefault(name);
        string snapshot = request.Query["snapshot"].ToString();
        if (blob is not null && snapshot.Length > 0)
        {
            blob = blob.Snapshots.GetValueOrDefault(snapshot);
        }

        return blob ?? throw new FakeAnswerException(404, "BlobNotFound", "The specified blob does not exist.");
    }

    private static void CheckConditions(HttpRequest request, FakePageBlob? blob)
    {
        string match = request.Headers.IfMatch.ToString();
        if (match.Length > 0 && match != "*" && match != blob?.Tag)
        {
            throw new FakeAnswerException(412, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met.");
        }

        if (request.Headers.IfNoneMatch == "*" && blob is not null)
        {
            throw new FakeAnswerException(409, "BlobAlreadyExists", "The specified blob already exists.");
        }
    }

    private byte[]? Create(HttpContext context, string name)
    {
        HttpRequest request = context.Request;
        if (request.Headers["x-ms-blob-type"] != "PageBlob")
        {
            throw new FakeAnswerException(400, "InvalidBlobType", "The fake keeps page blobs alone.");
        }

        long length = long.Parse(request.Headers["x-ms-blob-content-length"].ToString(), CultureInfo.InvariantCulture);
        if (length % FakePageBlob.PageSize != 0 || length > 8L << 40)
        {
            throw new FakeAnswerException(400, "InvalidHeaderValue", "The value for one of the HTTP headers is not in the correct format.");
        }

        CheckConditions(request, _blobs.GetValueOrDefault(name));
        FakePageBlob blob = new(length)
        {
            Metadata = ReadMetadata(request),
            SequenceNumber = request.Headers["x-ms-blob-sequence-number"].ToString() is { Length: > 0 } number ? long.Parse(number, CultureInfo.InvariantCulture) : 0,
        };
        foreach ((string snapshot, FakePageBlob old) in _blobs.GetValueOrDefault(name)?.Snapshots ?? [])
        {
            blob.Snapshots[snapshot] = old;
        }

        _blobs[name] = blob;
        Created(context, blob.Tag);
        return null;
    }

    private static byte[]? PutPage(HttpContext context, FakePageBlob blob, byte[] body)
    {
        HttpRequest request = context.Request;
        CheckConditions(request, blob);
        if (request.Headers["x-ms-if-sequence-number-eq"].ToString() is { Length: > 0 } expected && long.Parse(expected, CultureInfo.InvariantCulture) != blob.SequenceNumber)
        {
            throw new FakeAnswerException(412, "SequenceNumberConditionNotMet", "The sequence number condition specified was not met.");
        }

        (long start, long end) = ReadRange(request, blob.Length) ?? throw new FakeAnswerException(400, "MissingRequiredHeader", "A range is missing.");
        if (start % FakePageBlob.PageSize != 0 || end % FakePageBlob.PageSize != 0)
        {
            throw new FakeAnswerException(416, "InvalidPageRange", "The page range specified is invalid.");
        }

        if (end > blob.Length)
        {
            throw new FakeAnswerException(416, "InvalidPageRange", "The page range specified is invalid.");
        }

        if (request.Headers["x-ms-page-write"] == "clear")
        {
            blob.Clear(start, end - start);
        }
        else
        {
            if (body.Length > MaxPutLength)
            {
                throw new FakeAnswerException(413, "RequestBodyTooLarge", "The request body is too large and exceeds the maximum permissible limit.");
            }

            if (body.Length != end - start)
            {
                throw new FakeAnswerException(400, "InvalidInput", "The range and the body differ in length.");
            }

            string checksum = request.Headers["Content-MD5"].ToString();
#pragma warning disable CA5351 // The checksum that the service takes.
            if (checksum.Length > 0 && checksum != Convert.ToBase64String(MD5.HashData(body)))
#pragma warning restore CA5351
            {
                throw new FakeAnswerException(400, "Md5Mismatch", "The MD5 value specified in the request did not match with the MD5 value calculated by the server.");
            }

            blob.Write(body, start);
            context.Response.Headers["Content-MD5"] = checksum;
        }

        context.Response.Headers["x-ms-blob-sequence-number"] = $"{blob.SequenceNumber}";
        Created(context, blob.Tag);
        return null;
    }

    private byte[]? TakeSnapshot(HttpContext context, FakePageBlob blob)
    {
        CheckConditions(context.Request, blob);
        // Snapshots are named by their time, and no two alike.
        DateTime now = _options.TimeProvider.GetUtcNow().UtcDateTime;
        _lastSnapshot = now > _lastSnapshot ? now : _lastSnapshot.AddTicks(1);
        string name = _lastSnapshot.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'", CultureInfo.InvariantCulture);
        blob.Snapshots[name] = blob.Copy();
        context.Response.Headers["x-ms-snapshot"] = name;
        Created(context, blob.Tag);
        return null;
    }

    private static byte[]? SetMetadata(HttpContext context, FakePageBlob blob)
    {
        CheckConditions(context.Request, blob);
        blob.Metadata = ReadMetadata(context.Request);
        blob.Touch();
        Created(context, blob.Tag);
        context.Response.StatusCode = 200;
        return null;
    }

    private static byte[]? SetProperties(HttpContext context, FakePageBlob blob)
    {
        HttpRequest request = context.Request;
        CheckConditions(request, blob);
        if (request.Headers["x-ms-sequence-number-action"] != "update")
        {
            throw new FakeAnswerException(400, "UnsupportedOperation", "The fake does not know this.");
        }

        blob.SequenceNumber = long.Parse(request.Headers["x-ms-blob-sequence-number"].ToString(), CultureInfo.InvariantCulture);
        blob.Touch();
        Created(context, blob.Tag);
        context.Response.StatusCode = 200;
        context.Response.Headers["x-ms-blob-sequence-number"] = $"{blob.SequenceNumber}";
        return null;
    }

    private static byte[]? Describe(HttpContext context, FakePageBlob blob)
    {
        CheckConditions(context.Request, blob);
        DescribeIn(context.Response, blob);
        context.Response.ContentLength = blob.Length;
        return null;
    }

    private static byte[] Get(HttpContext context, FakePageBlob blob)
    {
        CheckConditions(context.Request, blob);
        (long start, long end) = ReadRange(context.Request, blob.Length) is { } range ? (range.Start, Math.Min(range.End, blob.Length)) : (0, blob.Length);
        if (start >= blob.Length)
        {
            throw new FakeAnswerException(416, "InvalidRange", "The range specified is invalid for the current size of the resource.");
        }

        byte[] content = blob.Read(start, end - start);
        DescribeIn(context.Response, blob);
        context.Response.StatusCode = end - start == blob.Length ? 200 : 206;
        context.Response.Headers.ContentRange = $"bytes {start}-{end - 1}/{blob.Length}";
        if (context.Request.Headers["x-ms-range-get-content-md5"] == "true")
        {
            if (content.Length > MaxPutLength)
            {
                throw new FakeAnswerException(400, "InvalidHeaderValue", "A checksum is told for at most 4 MiB.");
            }

#pragma warning disable CA5351 // The checksum that the service tells.
            context.Response.Headers["Content-MD5"] = Convert.ToBase64String(MD5.HashData(content));
#pragma warning restore CA5351
        }

        return content;
    }

    private byte[] ListPages(HttpContext context, FakePageBlob blob, string name, FakeGrant? grant)
    {
        HttpRequest request = context.Request;
        CheckConditions(request, blob);
        FakePageBlob? older = null;
        string previous = request.Query["prevsnapshot"].ToString();
        string previousAddress = request.Headers["x-ms-previous-snapshot-url"].ToString();
        if (previousAddress.Length > 0)
        {
            older = FindPrevious(grant, new Uri(previousAddress));
        }
        else if (previous.Length > 0)
        {
            older = _blobs[name].Snapshots.GetValueOrDefault(previous) ?? throw new FakeAnswerException(409, "PreviousSnapshotNotFound", "The previous snapshot is not found.");
            if (request.Query["snapshot"].ToString() is { Length: > 0 } newer && string.CompareOrdinal(newer, previous) < 0)
            {
                throw new FakeAnswerException(400, "PreviousSnapshotCannotBeNewer", "The prevsnapshot query parameter value cannot be newer than the snapshot.");
            }

            if (older.Life != blob.Life)
            {
                throw new FakeAnswerException(409, "BlobOverwritten", "The blob has been recreated since the previous snapshot was taken.");
            }
        }

        (long start, long end) = ReadRange(request, blob.Length) ?? (0, blob.Length);
        List<(long Start, long End, bool IsClear)> ranges = blob.Ranges(start, end, older);
        if (ranges.Count > _options.MaxRangesPerWindow)
        {
            throw new FakeAnswerException(500, "OperationTimedOut", "Operation could not be completed within the permitted time.");
        }

        string marker = request.Query["marker"].ToString();
        int skipped = marker.Length == 0 ? 0 : int.Parse(marker, CultureInfo.InvariantCulture);
        int wanted = request.Query["maxresults"].ToString() is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : 10_000;
        int count = Math.Min(Math.Min(wanted, _options.MaxRangesPerAnswer), 10_000);
        XElement list = new("PageList", ranges.Skip(skipped).Take(count).Select(static range => new XElement(range.IsClear ? "ClearRange" : "PageRange", new XElement("Start", range.Start), new XElement("End", range.End - 1))));
        list.Add(new XElement("NextMarker", skipped + count < ranges.Count ? $"{skipped + count}" : null));
        DescribeIn(context.Response, blob);
        context.Response.Headers["x-ms-blob-content-length"] = $"{blob.Length}";
        context.Response.ContentType = "application/xml";
        return Encoding.UTF8.GetBytes($"<?xml version=\"1.0\" encoding=\"utf-8\"?>{list}");
    }

    private byte[]? Delete(HttpContext context, string name, FakePageBlob blob)
    {
        CheckConditions(context.Request, blob);
        string snapshots = context.Request.Headers["x-ms-delete-snapshots"].ToString();
        if (blob.Snapshots.Count > 0 && snapshots.Length == 0 && context.Request.Query["snapshot"].Count == 0)
        {
            throw new FakeAnswerException(409, "SnapshotsPresent", "This operation is not permitted while the blob has snapshots.");
        }

        if (context.Request.Query["snapshot"].ToString() is { Length: > 0 } snapshot)
        {
            _blobs[name].Snapshots.Remove(snapshot);
        }
        else
        {
            _blobs.Remove(name);
        }

        context.Response.StatusCode = 202;
        return null;
    }

    private static Dictionary<string, string> ReadMetadata(HttpRequest request) =>
        request.Headers.Where(static header => header.Key.StartsWith("x-ms-meta-", StringComparison.OrdinalIgnoreCase))
            .ToDictionary(static header => header.Key["x-ms-meta-".Length..], static header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase);

    private static (long Start, long End)? ReadRange(HttpRequest request, long length)
    {
        string text = request.Headers["x-ms-range"].ToString() is { Length: > 0 } own ? own : request.Headers.Range.ToString();
        if (!text.StartsWith("bytes=", StringComparison.Ordinal))
        {
            return null;
        }

        string[] ends = text["bytes=".Length..].Split('-');
        long start = long.Parse(ends[0], CultureInfo.InvariantCulture);
        return (start, ends[1].Length == 0 ? length : long.Parse(ends[1], CultureInfo.InvariantCulture) + 1);
    }

    private static void DescribeIn(HttpResponse response, FakePageBlob blob)
    {
        response.Headers.ETag = blob.Tag;
        response.Headers.LastModified = DateTimeOffset.UtcNow.ToString("r", CultureInfo.InvariantCulture);
        response.Headers.AcceptRanges = "bytes";
        response.ContentType = "application/octet-stream";
        response.Headers["x-ms-blob-type"] = "PageBlob";
        response.Headers["x-ms-blob-sequence-number"] = $"{blob.SequenceNumber}";
        response.Headers["x-ms-lease-status"] = "unlocked";
        response.Headers["x-ms-creation-time"] = DateTimeOffset.UtcNow.ToString("r", CultureInfo.InvariantCulture);
        response.Headers["x-ms-version"] = "2021-12-02";
        foreach ((string name, string value) in blob.Metadata)
        {
            response.Headers["x-ms-meta-" + name] = value;
        }
    }

    private static void Created(HttpContext context, string tag)
    {
        context.Response.StatusCode = 201;
        context.Response.Headers.ETag = tag;
        context.Response.Headers.LastModified = DateTimeOffset.UtcNow.ToString("r", CultureInfo.InvariantCulture);
        context.Response.Headers["x-ms-request-server-encrypted"] = "true";
        context.Response.Headers["x-ms-version"] = "2021-12-02";
    }
}
