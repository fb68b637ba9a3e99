using System;
using System.Collections.Generic;
using System.Globalization;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.OpenStack.Swift;

/// <summary>The deletion of many objects by one request, where Swift's bulk middleware is there.</summary>
internal static class SwiftBulkDelete
{
    /// <summary>The objects, one a line, percent-encoded, each with its container.</summary>
    internal static byte[] MakeList(string container, string prefix, IReadOnlyList<string> names, int first, int count)
    {
        StringBuilder list = new();
        string start = Uri.EscapeDataString(container) + "/";
        for (int index = first; index < first + count; index++)
        {
            list.Append(start).Append(Uri.EscapeDataString(prefix + names[index])).Append('\n');
        }

        return Encoding.ASCII.GetBytes(list.ToString());
    }

    internal static HttpRequestMessage MakeRequest(Uri account, byte[] list)
    {
        HttpRequestMessage request = new(HttpMethod.Post, $"{account}?bulk-delete") { Content = new ByteArrayContent(list) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("text/plain");
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        return request;
    }

    /// <summary>The answer is begun before the work is, with status 200: what came of it stands in its body.</summary>
    internal static void ThrowIfAnyFailed(JsonElement body)
    {
        string status = OpenStackHttp.Text(body, "Response Status") ?? string.Empty;
        if (status.StartsWith("200", StringComparison.Ordinal))
        {
            return;
        }

        string failed = string.Empty;
        if (OpenStackHttp.TryGet(body, "Errors", JsonValueKind.Array, out JsonElement errors) && errors.GetArrayLength() > 0
            && errors[0] is { ValueKind: JsonValueKind.Array } error && error.GetArrayLength() > 1)
        {
            status = error[1].ToString();
            failed = $", at '{Uri.UnescapeDataString(error[0].ToString())}'";
        }

        int code = status.Length >= 3 && int.TryParse(status.AsSpan(0, 3), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : 0;
        throw new ObjectStoreException($"The deletion of several objects failed with '{status}'{failed}.") { IsTransient = code == 409 || OpenStackHttp.IsTransient(code) };
    }
}
