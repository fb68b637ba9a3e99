using System.Collections.Generic;
using System.Text.Json.Nodes;

namespace CloudImage.Sdk.Azure.Tests.Fakes;

/// <summary>A managed disk or snapshot.</summary>
internal sealed class FakeManagedResource
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public required bool IsSnapshot { get; init; }

    /// <summary>Name of its container and blob, such as <c>md-0123/abcd</c>.</summary>
    public required string BlobName { get; init; }

    /// <summary>Snapshots of one disk are of one family.</summary>
    public required string Family { get; init; }

    public string State { get; set; } = "Unattached";

    public long UploadLength { get; set; }

    public JsonObject Request { get; set; } = [];

    /// <summary>All states so far.</summary>
    public List<string> States { get; } = [];
}
