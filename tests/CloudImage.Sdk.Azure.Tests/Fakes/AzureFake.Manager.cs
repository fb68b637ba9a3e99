using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace CloudImage.Sdk.Azure.Tests.Fakes;

/// <content>The resource manager: disks that are uploaded, snapshots that are read, each by a signed address that is given out and taken back.</content>
internal sealed partial class AzureFake
{
    public const string Token = "fake-token";
    public const string Group = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/images";

    private const int MaxGrantsPerFamily = 5;

    private readonly Dictionary<string, FakeManagedResource> _resources = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<FakeGrant> _grants = [];
    private readonly Dictionary<string, FakeOperation> _operations = new(StringComparer.Ordinal);
    private int _nextId;

    public int ActiveGrantCount
    {
        get
        {
            lock (_lock)
            {
                return _grants.Count;
            }
        }
    }

    public static string DiskId(string name) => $"{Group}/providers/Microsoft.Compute/disks/{name}";

    public static string SnapshotId(string name) => $"{Group}/providers/Microsoft.Compute/snapshots/{name}";

    public FakeManagedResource? Resource(string id)
    {
        lock (_lock)
        {
            return _resources.GetValueOrDefault(id);
        }
    }

    /// <summary>Adds a snapshot as the service would take it of a disk.</summary>
    public string AddSnapshot(string name, string family, FakePageBlob content)
    {
        lock (_lock)
        {
            string id = SnapshotId(name);
            FakeManagedResource snapshot = NewResource(id, name, true, family);
            _resources[id] = snapshot;
            _blobs[snapshot.BlobName] = content;
            return id;
        }
    }

    private FakeGrant AuthorizeManaged(HttpRequest request, string container, string blob, string component, string permissions)
    {
        string signature = request.Query["sig"].ToString();
        FakeGrant grant = _grants.FirstOrDefault(grant => grant.Signature == signature && grant.Resource.BlobName == $"{container}/{blob}")
            ?? throw new FakeAnswerException(403, "AuthenticationFailed", "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.");
        bool isForbidden = (request.Method, component) is ("PUT", not "page") or ("DELETE", _)
            || request.Headers.ContainsKey("x-ms-blob-content-md5")
            || (permissions != "r" && !grant.CanWrite);
        return isForbidden
            ? throw new FakeAnswerException(403, "AuthorizationPermissionMismatch", "This request is not authorized to perform this operation using this permission.")
            : grant;
    }

    private FakePageBlob FindPrevious(FakeGrant? grant, Uri address)
    {
        FakeGrant? older = _grants.FirstOrDefault(older => address.Query.Contains(Uri.EscapeDataString(older.Signature), StringComparison.Ordinal) && address.AbsolutePath.EndsWith(older.Resource.BlobName, StringComparison.Ordinal));
        if (grant is null || older is null)
        {
            throw new FakeAnswerException(403, "AuthenticationFailed", "Server failed to authenticate the previous snapshot's address.");
        }

        return older.Resource.Family == grant.Resource.Family
            ? _blobs[older.Resource.BlobName]
            : throw new FakeAnswerException(409, "PreviousSnapshotNotFound", "The previous snapshot is not one of the same disk.");
    }

    private void AnswerManager(HttpContext context, byte[] body, out JsonNode? answer)
    {
        if (context.Request.Headers.Authorization != $"Bearer {Token}")
        {
            throw new FakeAnswerException(401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing or invalid.");
        }

        string path = context.Request.Path.Value!;
        lock (_lock)
        {
            string[] parts = path.Split('/');
            if (path.Contains("/operations/", StringComparison.Ordinal))
            {
                answer = AnswerOperation(context, parts[^1], path.Contains("/locations/result/", StringComparison.Ordinal));
                return;
            }

            // /subscriptions/S/resourceGroups/G/providers/Microsoft.Compute/KIND/NAME[/ACTION]
            if (parts.Length is < 9 or > 10 || parts[7] is not ("disks" or "snapshots"))
            {
                throw new FakeAnswerException(404, "InvalidResourceType", "The resource type could not be found.");
            }

            string id = string.Join('/', parts[..9]);
            FakeManagedResource? resource = _resources.GetValueOrDefault(id);
            switch (context.Request.Method, parts.Length)
            {
                case ("PUT", 9) when parts[7] == "disks":
                    answer = PutDisk(context, id, parts[8], JsonNode.Parse(body)!.AsObject(), resource);
                    return;
                case ("GET", 9):
                    answer = Describe(resource ?? throw NotFound(id));
                    return;
                case ("DELETE", 9):
                    answer = null;
                    DeleteResource(context, resource);
                    return;
                case ("POST", 10) when parts[9] == "beginGetAccess":
                    answer = BeginGetAccess(context, resource ?? throw NotFound(id), JsonNode.Parse(body)!.AsObject());
                    return;
                case ("POST", 10) when parts[9] == "endGetAccess":
                    answer = EndGetAccess(context, resource ?? throw NotFound(id));
                    return;
                default:
                    throw new FakeAnswerException(405, "MethodNotAllowed", "The fake does not know this.");
            }
        }
    }

    private JsonObject PutDisk(HttpContext context, string id, string name, JsonObject request, FakeManagedResource? existing)
    {
        JsonNode? creation = request["properties"]?["creationData"];
        if (existing is not null || (string?)creation?["createOption"] != "Upload" || (long?)creation["uploadSizeBytes"] is not { } length || request["location"] is null)
        {
            throw new FakeAnswerException(409, "PropertyChangeNotAllowed", "Changing property 'creationData' is not allowed, or it is not one of an upload.");
        }

        if (length % FakePageBlob.PageSize != 0 || (length - FakePageBlob.PageSize) % (1 << 20) != 0)
        {
            throw new FakeAnswerException(400, "InvalidParameter", "The value of parameter uploadSizeBytes is invalid.");
        }

        FakeManagedResource disk = NewResource(id, name, false, name);
        disk.UploadLength = length;
        disk.Request = request;
        SetState(disk, "ReadyToUpload");
        _resources[id] = disk;
        _blobs[disk.BlobName] = new FakePageBlob(length);
        Begin(context, () => Describe(disk));
        return Describe(disk);
    }

    private FakeManagedResource NewResource(string id, string name, bool isSnapshot, string family)
    {
        string container = $"md-{++_nextId}";
        _containers.Add(container);
        return new FakeManagedResource { Id = id, Name = name, IsSnapshot = isSnapshot, BlobName = $"{container}/abcd", Family = family };
    }

    private void DeleteResource(HttpContext context, FakeManagedResource? resource)
    {
        if (resource is null)
        {
            context.Response.StatusCode = 204;
            return;
        }

        if (_grants.Any(grant => grant.Resource == resource))
        {
            throw new FakeAnswerException(409, "OperationNotAllowed", $"There is an active shared access signature outstanding for {resource.Name}. Call EndGetAccess before deleting it.");
        }

        _resources.Remove(resource.Id);
        _blobs.Remove(resource.BlobName);
        Begin(context, static () => null);
    }

    private JsonNode? BeginGetAccess(HttpContext context, FakeManagedResource resource, JsonObject request)
    {
        bool canWrite = (string?)request["access"] == "Write";
        if ((int?)request["durationInSeconds"] is not > 0)
        {
            throw new FakeAnswerException(400, "InvalidParameter", "The value of parameter durationInSeconds is invalid.");
        }

        if (canWrite && resource.State is not ("ReadyToUpload" or "ActiveUpload"))
        {
            throw new FakeAnswerException(409, "OperationNotAllowed", $"A write access is only granted to disks that are ready to be uploaded; {resource.Name} is {resource.State}.");
        }

        FakeGrant? grant = _grants.FirstOrDefault(grant => grant.Resource == resource && grant.CanWrite == canWrite);
        if (grant is null)
        {
            if (!canWrite && _grants.Count(grant => grant.Resource.Family == resource.Family) >= MaxGrantsPerFamily)
            {
                throw new FakeAnswerException(409, "TooManyActiveSharedAccessSignatures", "Five snapshots of one disk have an active shared access signature at most.");
            }

            grant = new FakeGrant(resource, Convert.ToBase64String(Guid.NewGuid().ToByteArray()), canWrite);
            _grants.Add(grant);
        }

        if (canWrite)
        {
            SetState(resource, "ActiveUpload");
        }

        string address = $"{Endpoint}/{resource.BlobName}?sv=2018-03-28&sr=b&si={Guid.NewGuid()}&sig={Uri.EscapeDataString(grant.Signature)}";
        Begin(context, () => new JsonObject { ["accessSAS"] = address });
        return null;
    }

    private JsonNode? EndGetAccess(HttpContext context, FakeManagedResource resource)
    {
        bool wasWritten = _grants.Any(grant => grant.Resource == resource && grant.CanWrite);
        _grants.RemoveAll(grant => grant.Resource == resource);
        FakePageBlob blob = _blobs[resource.BlobName];
        if (wasWritten && !blob.Read(blob.Length - FakePageBlob.PageSize, 8).AsSpan().SequenceEqual("conectix"u8))
        {
            SetState(resource, "ReadyToUpload");
            Begin(context, static () => null, ("InvalidVhd", "The specified cookie value in the VHD footer indicates that the disk is not a supported VHD. The disk is expected to have cookie value 'conectix'."));
            return null;
        }

        if (wasWritten)
        {
            SetState(resource, "Unattached");
        }

        Begin(context, static () => null);
        return null;
    }

    private static void SetState(FakeManagedResource resource, string state)
    {
        resource.State = state;
        resource.States.Add(state);
    }

    private static FakeAnswerException NotFound(string id) => new(404, "ResourceNotFound", $"The Resource '{id}' under resource group 'images' was not found.");

    private static JsonObject Describe(FakeManagedResource resource)
    {
        JsonObject properties = new() { ["provisioningState"] = "Succeeded", ["diskState"] = resource.State };
        if (resource.IsSnapshot)
        {
            properties["creationData"] = new JsonObject { ["createOption"] = "Copy" };
            properties["incremental"] = true;
        }
        else
        {
            properties["creationData"] = new JsonObject { ["createOption"] = "Upload", ["uploadSizeBytes"] = resource.UploadLength };
        }

        return new JsonObject
        {
            ["id"] = resource.Id,
            ["name"] = resource.Name,
            ["type"] = resource.IsSnapshot ? "Microsoft.Compute/snapshots" : "Microsoft.Compute/disks",
            ["location"] = (string?)resource.Request["location"] ?? "westeurope",
            ["properties"] = properties,
        };
    }

    // Answered with 202, and asked after at two addresses: how it goes, and what came of it.
    private void Begin(HttpContext context, Func<JsonNode?> result, (string Code, string Message)? error = null)
    {
        string id = $"{++_nextId}";
        _operations[id] = new FakeOperation(result, error) { PollsLeft = _options.PollsPerOperation };
        string subscription = string.Join('/', Group.Split('/')[..3]);
        string host = $"https://{context.Request.Host}{subscription}/providers/Microsoft.Compute/locations";
        context.Response.StatusCode = 202;
        context.Response.Headers["Azure-AsyncOperation"] = $"{host}/status/operations/{id}?api-version=2023-04-02";
        context.Response.Headers.Location = $"{host}/result/operations/{id}?api-version=2023-04-02";
    }

    private JsonNode? AnswerOperation(HttpContext context, string id, bool wantsResult)
    {
        FakeOperation operation = _operations.GetValueOrDefault(id) ?? throw new FakeAnswerException(404, "NotFound", "There is no such operation.");
        bool isDone = operation.PollsLeft == 0;
        if (wantsResult)
        {
            if (!isDone)
            {
                context.Response.StatusCode = 202;
                return null;
            }

            JsonNode? result = operation.Result();
            context.Response.StatusCode = result is null ? 204 : 200;
            return result;
        }

        if (!isDone)
        {
            operation.PollsLeft--;
            return new JsonObject { ["status"] = "InProgress", ["name"] = id };
        }

        return operation.Error is { } error
            ? new JsonObject { ["status"] = "Failed", ["name"] = id, ["error"] = new JsonObject { ["code"] = error.Code, ["message"] = error.Message } }
            : new JsonObject { ["status"] = "Succeeded", ["name"] = id };
    }

    private sealed class FakeOperation(Func<JsonNode?> result, (string Code, string Message)? error)
    {
        public Func<JsonNode?> Result { get; } = result;

        public (string Code, string Message)? Error { get; } = error;

        public int PollsLeft { get; set; }
    }
}
