using System.Text.Json.Serialization;

namespace CloudImage.Sdk.Tests.Support;

/// <summary>What corpus.json says of a file.</summary>
public sealed class CorpusEntry
{
    [JsonPropertyName("file")]
    public required string File { get; init; }

    [JsonPropertyName("format")]
    public required string Format { get; init; }

    [JsonPropertyName("note")]
    public string Note { get; init; } = string.Empty;

    [JsonPropertyName("virtualSize")]
    public long? VirtualSize { get; init; }

    [JsonPropertyName("contentSha256")]
    public string? ContentSha256 { get; init; }

    public override string ToString() => File;
}
