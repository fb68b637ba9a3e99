using System;
using System.Collections.Generic;
using System.IO;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.Disks;

public sealed partial class BlockMap
{
    private const string FormatName = "cloudimage-change-map";
    private const int MaxFileLength = 1 << 30;

    /// <summary>Writes the map as JSON: <c>{"format":"cloudimage-change-map","version":0,"ranges":[{"offset":0,"length":65536,"kind":"data"}]}</c>.</summary>
    /// <param name="destination">Receives UTF-8; it stays open.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>A task that ends when everything is written.</returns>
    public async Task SaveAsync(Stream destination, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(destination);
        Utf8JsonWriter writer = new(destination);
        await using (writer.ConfigureAwait(false))
        {
            writer.WriteStartObject();
            writer.WriteString("format", FormatName);
            writer.WriteNumber("version", 0);
            writer.WriteStartArray("ranges");
            foreach (DiskExtent extent in _extents)
            {
                writer.WriteStartObject();
                writer.WriteNumber("offset", extent.Offset);
                writer.WriteNumber("length", extent.Length);
                writer.WriteString("kind", NameOf(extent.Kind));
                writer.WriteEndObject();
                if (writer.BytesPending > 65536)
                {
                    await writer.FlushAsync(cancellationToken).ConfigureAwait(false);
                }
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }
    }

    /// <summary>Reads a map that <see cref="SaveAsync"/> wrote.</summary>
    /// <param name="source">UTF-8, read to its end; it stays open.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>The map.</returns>
    /// <exception cref="CloudImageException">The text is no change map, or names impossible ranges.</exception>
    public static async Task<BlockMap> LoadAsync(Stream source, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (source.CanSeek && source.Length > MaxFileLength)
        {
            throw new CloudImageException($"A change map has at most {MaxFileLength} bytes, not {source.Length}.");
        }

        try
        {
            using JsonDocument document = await JsonDocument.ParseAsync(source, default, cancellationToken).ConfigureAwait(false);
            JsonElement root = document.RootElement;
            if (root.GetProperty("format").GetString() != FormatName || root.GetProperty("version").GetInt32() != 0)
            {
                throw new CloudImageException($"A change map says \"format\":\"{FormatName}\" and \"version\":0.");
            }

            List<DiskExtent> extents = [];
            foreach (JsonElement range in root.GetProperty("ranges").EnumerateArray())
            {
                extents.Add(new DiskExtent(range.GetProperty("offset").GetInt64(), range.GetProperty("length").GetInt64(), KindOf(range.GetProperty("kind").GetString())));
            }

            return new BlockMap(extents);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException or KeyNotFoundException or ArgumentException or OverflowException)
        {
            throw new CloudImageException($"The text is no change map: {exception.Message}", exception);
        }
    }

    private static string NameOf(DiskExtentKind kind) => kind switch
    {
        DiskExtentKind.Data => "data",
        DiskExtentKind.Zero => "zero",
        _ => "unmapped",
    };

    private static DiskExtentKind KindOf(string? name) => name switch
    {
        "data" => DiskExtentKind.Data,
        "zero" => DiskExtentKind.Zero,
        "unmapped" => DiskExtentKind.Unmapped,
        _ => throw new CloudImageException($"'{name}' is no kind of a range; there are data, zero and unmapped."),
    };
}
