using System;
using System.Buffers;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using Amazon.Runtime;
using Amazon.Runtime.Internal.Auth;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>Signature Version 4 of requests to EBS direct. Pure functions.</summary>
/// <remarks>
/// The canonical request is made here, the rest by the vendor's <see cref="AWS4Signer"/>. Services other than S3 sign a path
/// whose encoded segments are encoded once more; the query is sorted by its encoded names, then values.
/// </remarks>
internal static class EbsSigner
{
    private static readonly SearchValues<char> s_whiteSpace = SearchValues.Create(" \t\r\n\v\f");

    /// <summary>Stands for the digest of a body that the signature does not cover; for https alone.</summary>
    public const string UnsignedPayload = "UNSIGNED-PAYLOAD";

    /// <summary>The digest of no body.</summary>
    public const string EmptyPayload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    /// <summary>The time as the header <c>x-amz-date</c> says it.</summary>
    public static string FormatDate(DateTime utc) => utc.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);

    /// <summary>The path as it goes over the wire: each segment encoded (RFC 3986, unreserved characters stay).</summary>
    public static string EncodePath(string path) => EncodeSegments(path);

    /// <summary>The query as it goes over the wire and into the signature.</summary>
    public static string EncodeQuery(IReadOnlyList<KeyValuePair<string, string>> parameters)
    {
        if (parameters.Count == 0)
        {
            return string.Empty;
        }

        List<KeyValuePair<string, string>> sorted = new(parameters.Count);
        foreach ((string name, string value) in parameters)
        {
            sorted.Add(new(Uri.EscapeDataString(name), Uri.EscapeDataString(value)));
        }

        sorted.Sort(static (left, right) => string.CompareOrdinal(left.Key, right.Key) is not 0 and int order ? order : string.CompareOrdinal(left.Value, right.Value));
        StringBuilder query = new(128);
        foreach ((string name, string value) in sorted)
        {
            query.Append(query.Length > 0 ? "&" : null).Append(name).Append('=').Append(value);
        }

        return query.ToString();
    }

    /// <summary>Signs a request.</summary>
    /// <param name="credentials">Who asks.</param>
    /// <param name="region">Name of the region.</param>
    /// <param name="utc">The time that <c>x-amz-date</c> says.</param>
    /// <param name="method">The method.</param>
    /// <param name="path">The path as it goes over the wire.</param>
    /// <param name="query">The query as <see cref="EncodeQuery"/> makes it.</param>
    /// <param name="headers">The headers to sign, their names in lower case, sorted by them.</param>
    /// <param name="payload">Digest of the body in hexadecimal, or <see cref="UnsignedPayload"/>.</param>
    /// <returns>The value of the header <c>Authorization</c>.</returns>
    public static string Sign(
        ImmutableCredentials credentials, string region, DateTime utc, string method, string path, string query, IReadOnlyList<KeyValuePair<string, string>> headers, string payload)
    {
        StringBuilder request = new(512);
        StringBuilder names = new(128);
        request.Append(method).Append('\n').Append(EncodeSegments(path)).Append('\n').Append(query).Append('\n');
        foreach ((string name, string value) in headers)
        {
            request.Append(name).Append(':').Append(Trim(value)).Append('\n');
            names.Append(names.Length > 0 ? ";" : null).Append(name);
        }

        string signedNames = names.ToString();
        request.Append('\n').Append(signedNames).Append('\n').Append(payload);
        return AWS4Signer.ComputeSignature(credentials, region, utc, EbsConstants.ServiceName, signedNames, request.ToString()).ForAuthorizationHeader;
    }

    private static string EncodeSegments(string path)
    {
        if (path.Length == 0)
        {
            return "/";
        }

        string[] segments = path.Split('/');
        for (int index = 0; index < segments.Length; index++)
        {
            segments[index] = Uri.EscapeDataString(segments[index]);
        }

        return string.Join('/', segments);
    }

    // Runs of white space count as one blank, and none at the ends.
    private static string Trim(string value)
    {
        if (!value.AsSpan().ContainsAny(s_whiteSpace))
        {
            return value;
        }

        return string.Join(' ', value.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
    }
}
