using System;
using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.GoogleCloud.Gcs;

/// <summary>What the service tells of an object: a resource of its JSON interface.</summary>
internal sealed class GcsObject
{
    /// <summary>The members that <see cref="Read"/> wants.</summary>
    internal const string Fields = "name,size,timeCreated,crc32c,generation";

    private GcsObject(string name, long length, DateTimeOffset created, uint? checksum)
    {
        Name = name;
        Length = length;
        Created = created;
        Checksum = checksum;
    }

    public string Name { get; }

    public long Length { get; }

    public DateTimeOffset Created { get; }

    /// <summary>The CRC-32C of the content.</summary>
    public uint? Checksum { get; }

    public static GcsObject Read(JsonElement body)
    {
        string? name = GoogleCloudHttp.Text(body, "name");
        if (name is null || !long.TryParse(GoogleCloudHttp.Text(body, "size"), NumberStyles.None, CultureInfo.InvariantCulture, out long length))
        {
            throw new GoogleCloudException($"The service described object '{name}' without its name or its length.");
        }

        DateTimeOffset created = DateTimeOffset.TryParse(GoogleCloudHttp.Text(body, "timeCreated"), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time) ? time : default;
        return new GcsObject(name, length, created, ParseChecksum(GoogleCloudHttp.Text(body, "crc32c")));
    }

    /// <summary>A CRC-32C as the interface writes it: four bytes, most significant first, in base 64.</summary>
    public static string FormatChecksum(uint checksum)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, checksum);
        return Convert.ToBase64String(bytes);
    }

    public static uint? ParseChecksum(string? text)
    {
        Span<byte> bytes = stackalloc byte[4];
        return text is { Length: 8 } && Convert.TryFromBase64String(text, bytes, out int count) && count == 4 ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : null;
    }

    public ObjectInfo ToInfo(string name) => new(name, Length, Created, Checksum is { } checksum ? ToObjectChecksum(checksum) : default);

    private static ObjectChecksum ToObjectChecksum(uint checksum)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, checksum);
        return new ObjectChecksum(ObjectChecksumKind.Crc32C, bytes);
    }
}
