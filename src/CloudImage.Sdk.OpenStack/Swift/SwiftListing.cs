using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text.Json;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.OpenStack.Swift;

/// <summary>Reads a page of a container's listing, and holds it against what was asked for.</summary>
internal static class SwiftListing
{
    internal static List<ObjectInfo> Read(JsonElement body, int cut, string prefix, string marker)
    {
        if (body.ValueKind != JsonValueKind.Array)
        {
            throw new ObjectStoreException("The listing of a container is no list of objects.");
        }

        List<ObjectInfo> page = new(body.GetArrayLength());
        string previous = marker;
        foreach (JsonElement entry in body.EnumerateArray())
        {
            if (OpenStackHttp.Text(entry, "name") is not { } name || OpenStackHttp.Number(entry, "bytes") is not { } length || length < 0)
            {
                throw new ObjectStoreException($"An entry of a container's listing after '{previous}' has no name or no length.");
            }

            if (!name.StartsWith(prefix, StringComparison.Ordinal) || string.CompareOrdinal(name, previous) <= 0)
            {
                throw new ObjectStoreException($"The listing of a container has '{name}' after '{previous}': names in order that begin with '{prefix}' were expected.");
            }

            previous = name;
            page.Add(new ObjectInfo(name[cut..], length, ReadTime(OpenStackHttp.Text(entry, "last_modified")), SwiftHeaders.Md5(OpenStackHttp.Text(entry, "hash"))));
        }

        return page;
    }

    private static DateTimeOffset ReadTime(string? text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time) ? time : default;
}
