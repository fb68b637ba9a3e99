using System;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using CloudImage.Sdk.GoogleCloud.Gcs;
using CloudImage.Sdk.Hashing;

namespace CloudImage.Sdk.GoogleCloud.Tests.Fakes;

/// <summary>An object as the fake keeps it.</summary>
internal sealed class GcsFakeObject(string bucket, JsonObject metadata, byte[] content, long generation)
{
    public string Name { get; } = (string)metadata["name"]!;

    public byte[] Content { get; } = content;

    public string Checksum { get; } = GcsObject.FormatChecksum(Crc32C.HashToUInt32(content));

    public string Md5 { get; } = ComputeMd5(content);

    public string StorageClass { get; } = (string?)metadata["storageClass"] ?? "STANDARD";

    private DateTimeOffset Created { get; } = TimeProvider.System.GetUtcNow();

    public JsonObject ToJson() => new()
    {
        ["kind"] = "storage#object",
        ["id"] = $"{bucket}/{Name}/{generation}",
        ["name"] = Name,
        ["bucket"] = bucket,
        ["generation"] = $"{generation}",
        ["metageneration"] = "1",
        ["contentType"] = (string?)metadata["contentType"] ?? "application/octet-stream",
        ["storageClass"] = StorageClass,
        ["size"] = $"{Content.Length}",
        ["crc32c"] = Checksum,
        ["md5Hash"] = Md5,
        ["etag"] = $"CJ{generation}",
        ["timeCreated"] = $"{Created:yyyy-MM-dd'T'HH:mm:ss.fff}Z",
        ["updated"] = $"{Created:yyyy-MM-dd'T'HH:mm:ss.fff}Z",
    };

    [SuppressMessage("Security", "CA5351:Do Not Use Broken Cryptographic Algorithms", Justification = "It is the checksum that the service tells beside the CRC-32C.")]
    private static string ComputeMd5(byte[] content) => Convert.ToBase64String(MD5.HashData(content));
}
