using System;
using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using CloudImage.Sdk.Hashing;

namespace CloudImage.Sdk.Snapshots;

/// <summary>What <c>repo.json</c> holds: one JSON object whose last member is the SHA-256 of all the text before it.</summary>
internal sealed class RepositoryHeader
{
    public const int MaxLength = 65536;
    public const string NoEncryption = "none";
    public const string Aes256Gcm = "aes256gcm";
    private const string FormatName = "cloudimage-repository";
    private static readonly byte[] s_checksumStart = ",\"checksum\":\""u8.ToArray();

    public required string Id { get; init; }

    public required ContentHashAlgorithm Digest { get; init; }

    public required int ChunkSize { get; init; }

    /// <summary>"none" or "aes256gcm".</summary>
    public required string Encryption { get; init; }

    public static RepositoryHeader Parse(ReadOnlySpan<byte> content)
    {
        int start = content.Length - s_checksumStart.Length - 64 - 2;
        Span<byte> hash = stackalloc byte[32];
        if (start <= 0 || !content.Slice(start, s_checksumStart.Length).SequenceEqual(s_checksumStart) || !content[^2..].SequenceEqual("\"}"u8))
        {
            throw new RepositoryCorruptException(ObjectNames.Repository, Math.Max(0, start), "it does not end in a checksum.");
        }

        SHA256.HashData(content[..start], hash);
        if (!content.Slice(start + s_checksumStart.Length, 64).SequenceEqual(Encoding.ASCII.GetBytes(Convert.ToHexStringLower(hash))))
        {
            throw new RepositoryCorruptException(ObjectNames.Repository, start, "the checksum does not match the text before it.");
        }

        try
        {
            return Parse(JsonDocument.Parse(content.ToArray()));
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException or System.Collections.Generic.KeyNotFoundException)
        {
            throw new RepositoryCorruptException($"Object '{ObjectNames.Repository}' is not the header of a repository: {exception.Message}", exception);
        }
    }

    public byte[] ToArray()
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter writer = new(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("format", FormatName);
            writer.WriteNumber("version", 0);
            writer.WriteString("id", Id);
            writer.WriteString("digest", Digest == ContentHashAlgorithm.Blake3 ? "blake3" : "sha256");
            writer.WriteNumber("chunkSize", ChunkSize);
            writer.WriteString("encryption", Encryption);
            writer.WriteEndObject();
        }

        ReadOnlySpan<byte> text = buffer.WrittenSpan[..^1];
        string checksum = Convert.ToHexStringLower(SHA256.HashData(text));
        return [.. text, .. s_checksumStart, .. Encoding.ASCII.GetBytes(checksum), .. "\"}"u8];
    }

    private static RepositoryHeader Parse(JsonDocument document)
    {
        using (document)
        {
            JsonElement root = document.RootElement;
            int version = root.GetProperty("version").GetInt32();
            if (root.GetProperty("format").GetString() != FormatName || version != 0)
            {
                throw new SnapshotRepositoryException($"This is a repository of version {version}; this library knows version 0.");
            }

            string digest = root.GetProperty("digest").GetString() ?? string.Empty;
            int chunkSize = root.GetProperty("chunkSize").GetInt32();
            string encryption = root.GetProperty("encryption").GetString() ?? string.Empty;
            if (digest is not ("blake3" or "sha256") || !SnapshotRepositoryOptions.IsChunkSize(chunkSize))
            {
                throw new SnapshotRepositoryException($"Digest '{digest}' with chunks of {chunkSize} bytes is not known to this library.");
            }

            return new RepositoryHeader
            {
                Id = root.GetProperty("id").GetString() ?? string.Empty,
                Digest = digest == "blake3" ? ContentHashAlgorithm.Blake3 : ContentHashAlgorithm.Sha256,
                ChunkSize = chunkSize,
                Encryption = encryption,
            };
        }
    }
}
