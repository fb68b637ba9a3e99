using System;
using System.Collections.Generic;
using System.Text.Json;

namespace CloudImage.Sdk.OpenStack.Glance;

/// <summary>What Glance tells of an image. Immutable.</summary>
public sealed class GlanceImage
{
    private GlanceImage(string id) => Id = id;

    /// <summary>Its id.</summary>
    public string Id { get; }

    /// <summary>Its name; empty where it has none.</summary>
    public string Name { get; private init; } = string.Empty;

    /// <summary>Where it is in its life: <c>queued</c>, <c>saving</c>, <c>active</c> and so on.</summary>
    public string Status { get; private init; } = string.Empty;

    /// <summary>Who sees it: <c>private</c>, <c>shared</c>, <c>community</c> or <c>public</c>.</summary>
    public string Visibility { get; private init; } = string.Empty;

    /// <summary>The format that whoever uploaded it said it has, such as <c>qcow2</c>; null where none is said.</summary>
    public string? DiskFormat { get; private init; }

    /// <summary>What the disk is wrapped in: <c>bare</c>, <c>ova</c> and so on; null where none is said.</summary>
    public string? ContainerFormat { get; private init; }

    /// <summary>Length of the image's file in bytes; null before it is uploaded.</summary>
    public long? Length { get; private init; }

    /// <summary>Length of the disk in it in bytes, as far as the service knows.</summary>
    public long? VirtualLength { get; private init; }

    /// <summary>The least size in GiB of a disk that it boots from.</summary>
    public int MinimumDiskInGibibytes { get; private init; }

    /// <summary>Whether it cannot be deleted.</summary>
    public bool IsProtected { get; private init; }

    /// <summary>The algorithm of <see cref="HashValue"/>, such as <c>sha512</c>; null where the service keeps no digest.</summary>
    public string? HashAlgorithm { get; private init; }

    /// <summary>The digest of the file in hexadecimal; null where the service keeps none.</summary>
    public string? HashValue { get; private init; }

    /// <summary>The MD5 of the file in hexadecimal; null where the service keeps none.</summary>
    public string? Checksum { get; private init; }

    /// <summary>All further properties that are text, such as <c>os_distro</c>.</summary>
    public IReadOnlyDictionary<string, string> Properties { get; private init; } = new Dictionary<string, string>();

    /// <summary>Name, id and status.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => $"{Name} ({Id}, {Status})";

    internal static GlanceImage Read(JsonElement body)
    {
        if (OpenStackHttp.Text(body, "id") is not { Length: > 0 } id || OpenStackHttp.Text(body, "status") is not { } status)
        {
            throw new OpenStackException("Glance described an image without id or status.");
        }

        Dictionary<string, string> properties = new(StringComparer.Ordinal);
        foreach (JsonProperty property in body.EnumerateObject())
        {
            if (property.Value.ValueKind == JsonValueKind.String && !IsKnown(property.Name))
            {
                properties[property.Name] = property.Value.GetString()!;
            }
        }

        return new GlanceImage(id)
        {
            Name = OpenStackHttp.Text(body, "name") ?? string.Empty,
            Status = status,
            Visibility = OpenStackHttp.Text(body, "visibility") ?? string.Empty,
            DiskFormat = OpenStackHttp.Text(body, "disk_format"),
            ContainerFormat = OpenStackHttp.Text(body, "container_format"),
            Length = OpenStackHttp.Number(body, "size"),
            VirtualLength = OpenStackHttp.Number(body, "virtual_size"),
            MinimumDiskInGibibytes = (int)Math.Clamp(OpenStackHttp.Number(body, "min_disk") ?? 0, 0, int.MaxValue),
            IsProtected = OpenStackHttp.TryGet(body, "protected", JsonValueKind.True, out _),
            HashAlgorithm = OpenStackHttp.Text(body, "os_hash_algo"),
            HashValue = OpenStackHttp.Text(body, "os_hash_value"),
            Checksum = OpenStackHttp.Text(body, "checksum"),
            Properties = properties,
        };
    }

    private static bool IsKnown(string name) => name is "id" or "name" or "status" or "visibility" or "disk_format" or "container_format" or "os_hash_algo" or "os_hash_value"
        or "checksum" or "owner" or "created_at" or "updated_at" or "self" or "file" or "schema" or "direct_url";
}
