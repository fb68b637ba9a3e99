using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace CloudImage.Sdk.Azure.Tests.Fakes;

/// <summary>Verifies who asks, as the documentation of the service describes it: Shared Key, and service signatures (SAS) for blobs and containers.</summary>
internal static class AzureSignatures
{
    private static readonly string[] s_signedHeaders =
    [
        "Content-Encoding", "Content-Language", "Content-Length", "Content-MD5", "Content-Type", "Date", "If-Modified-Since", "If-Match", "If-None-Match", "If-Unmodified-Since", "Range",
    ];

    public static void VerifySharedKey(HttpRequest request, string rawTarget, string account, byte[] key)
    {
        StringBuilder text = new();
        text.Append(request.Method).Append('\n');
        foreach (string name in s_signedHeaders)
        {
            string value = request.Headers[name].ToString();
            text.Append(name == "Content-Length" && value == "0" ? string.Empty : value).Append('\n');
        }

        foreach ((string name, string value) in request.Headers.Select(static header => (header.Key.ToLowerInvariant(), header.Value.ToString())).Where(static header => header.Item1.StartsWith("x-ms-", StringComparison.Ordinal)).OrderBy(static header => header.Item1, StringComparer.Ordinal))
        {
            text.Append(name).Append(':').Append(value.Trim()).Append('\n');
        }

        text.Append('/').Append(account).Append(rawTarget.Split('?')[0]);
        foreach ((string name, string value) in request.Query.Select(static parameter => (parameter.Key.ToLowerInvariant(), parameter.Value.ToString())).OrderBy(static parameter => parameter.Item1, StringComparer.Ordinal))
        {
            text.Append('\n').Append(name).Append(':').Append(value);
        }

        if (request.Headers.Authorization != $"SharedKey {account}:{Sign(text.ToString(), key)}")
        {
            throw new FakeAnswerException(403, "AuthenticationFailed", "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.");
        }

        ThrowIfFar(request.Headers["x-ms-date"].ToString());
    }

    /// <summary>Verifies a service signature, and that it allows something.</summary>
    public static void VerifySas(HttpRequest request, string account, string container, string blob, byte[] key, string permissions, DateTimeOffset now)
    {
        string Value(string name) => request.Query[name].ToString();
        string kind = Value("sr");
        string resource = kind == "c" ? $"/blob/{account}/{container}" : $"/blob/{account}/{container}/{blob}";
        string snapshot = kind == "bs" ? Value("snapshot") : string.Empty;
        string text = string.Join('\n', Value("sp"), Value("st"), Value("se"), resource, Value("si"), Value("sip"), Value("spr"), Value("sv"), kind, snapshot, Value("ses"), Value("rscc"), Value("rscd"), Value("rsce"), Value("rscl"), Value("rsct"));
        if (Value("sig") != Sign(text, key) || (kind == "b" && Value("snapshot").Length > 0))
        {
            throw new FakeAnswerException(403, "AuthenticationFailed", "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.");
        }

        if (DateTimeOffset.Parse(Value("se"), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal) <= now
            || (Value("st").Length > 0 && DateTimeOffset.Parse(Value("st"), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal) > now))
        {
            throw new FakeAnswerException(403, "AuthenticationFailed", "Server failed to authenticate the request. Signature not valid in the specified time frame.");
        }

        if (!Value("sp").Any(permissions.Contains))
        {
            throw new FakeAnswerException(403, "AuthorizationPermissionMismatch", "This request is not authorized to perform this operation using this permission.");
        }
    }

    public static string Sign(string text, byte[] key) => Convert.ToBase64String(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text)));

    private static void ThrowIfFar(string date)
    {
        if (!DateTimeOffset.TryParse(date, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset at) || (DateTimeOffset.UtcNow - at).Duration() > TimeSpan.FromMinutes(15))
        {
            throw new FakeAnswerException(403, "AuthenticationFailed", "Server failed to authenticate the request. The date header is too old.");
        }
    }
}
