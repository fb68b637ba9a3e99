using System;
using System.Linq;
using System.Net.Http;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.OpenStack.Swift;

/// <summary>What headers of Swift say.</summary>
internal static class SwiftHeaders
{
    private const int Md5TextLength = 32;

    /// <summary>The entity tag, without its quotes; null where there is none.</summary>
    public static string? ETag(HttpResponseMessage response) =>
        response.Headers.TryGetValues("ETag", out var values) ? values.FirstOrDefault()?.Trim('"') : null;

    /// <summary>The MD5 of an object's content. A large object in segments has an entity tag that is none.</summary>
    public static ObjectChecksum Md5(HttpResponseMessage response) =>
        response.Headers.Contains("X-Static-Large-Object") || response.Headers.Contains("X-Object-Manifest") ? default : Md5(ETag(response));

    /// <summary>An MD5 in hexadecimal; none where the text is something else.</summary>
    public static ObjectChecksum Md5(string? text)
    {
        Span<byte> value = stackalloc byte[Md5TextLength / 2];
        return text is { Length: Md5TextLength } && Convert.FromHexString(text, value, out _, out _) == System.Buffers.OperationStatus.Done
            ? new ObjectChecksum(ObjectChecksumKind.Md5, value)
            : default;
    }
}
