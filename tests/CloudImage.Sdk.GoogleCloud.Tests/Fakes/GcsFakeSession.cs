using System.IO;
using System.Text.Json.Nodes;

namespace CloudImage.Sdk.GoogleCloud.Tests.Fakes;

/// <summary>A resumable upload under way.</summary>
internal sealed class GcsFakeSession(string bucket, JsonObject metadata, long? ifGenerationMatch, long? announcedLength)
{
    public string Bucket { get; } = bucket;

    public JsonObject Metadata { get; } = metadata;

    public long? IfGenerationMatch { get; } = ifGenerationMatch;

    public long? AnnouncedLength { get; } = announcedLength;

    public MemoryStream Kept { get; } = new();

    public bool IsExpired { get; set; }

    /// <summary>The object, once it is complete: a later question is answered with it again.</summary>
    public GcsFakeObject? Result { get; set; }
}
