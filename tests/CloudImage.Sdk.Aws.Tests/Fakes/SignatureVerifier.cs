using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace CloudImage.Sdk.Aws.Tests.Fakes;

/// <summary>Checks Signature Version 4 of a request on the service's side: written from the algorithm's description, with nothing of the client's.</summary>
internal sealed class SignatureVerifier
{
    private static readonly TimeSpan s_allowedSkew = TimeSpan.FromMinutes(5);
    private readonly string _region;
    private readonly string _service;
    private readonly TimeProvider _time;
    private readonly Func<string, FakeIdentity?> _find;

    public SignatureVerifier(string region, string service, TimeProvider time, Func<string, FakeIdentity?> find)
    {
        _region = region;
        _service = service;
        _time = time;
        _find = find;
    }

    /// <summary>Checks a request whose body's digest is known.</summary>
    /// <param name="request">The request.</param>
    /// <param name="rawTarget">The target as it came over the wire.</param>
    /// <param name="bodyDigest">SHA-256 of the body in hexadecimal.</param>
    /// <returns>The fault's name and message; null where the signature holds.</returns>
    public (string Code, string Message)? Check(HttpRequest request, string rawTarget, string bodyDigest)
    {
        string authorization = request.Headers.Authorization.ToString();
        if (authorization.Length == 0)
        {
            return ("MissingAuthenticationTokenException", "Missing Authentication Token");
        }

        const string algorithm = "AWS4-HMAC-SHA256 ";
        if (!authorization.StartsWith(algorithm, StringComparison.Ordinal))
        {
            return ("IncompleteSignatureException", "Authorization header has another algorithm.");
        }

        Dictionary<string, string> parts = authorization[algorithm.Length..].Split(',', StringSplitOptions.TrimEntries)
            .Select(static part => part.Split('=', 2)).Where(static part => part.Length == 2).ToDictionary(static part => part[0], static part => part[1], StringComparer.Ordinal);
        if (!parts.TryGetValue("Credential", out string? credential) || !parts.TryGetValue("SignedHeaders", out string? signedHeaders) || !parts.TryGetValue("Signature", out string? signature))
        {
            return ("IncompleteSignatureException", "Authorization header requires Credential, SignedHeaders and Signature.");
        }

        string[] scope = credential.Split('/');
        string date = request.Headers["x-amz-date"].ToString();
        if (!DateTime.TryParseExact(date, "yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out DateTime at))
        {
            return ("IncompleteSignatureException", "x-amz-date is missing or no date.");
        }

        if (scope.Length != 5 || scope[1] != date[..8] || scope[2] != _region || scope[3] != _service || scope[4] != "aws4_request")
        {
            return ("InvalidSignatureException", $"Credential should be scoped to a valid region and service: {_region}/{_service}.");
        }

        if (_find(scope[0]) is not { } identity)
        {
            return ("UnrecognizedClientException", "The security token included in the request is invalid.");
        }

        string token = request.Headers["x-amz-security-token"].ToString();
        if (token != (identity.Token ?? string.Empty))
        {
            return ("UnrecognizedClientException", "The security token included in the request is invalid.");
        }

        DateTime now = _time.GetUtcNow().UtcDateTime;
        if (identity.ExpiresAt <= now)
        {
            return ("ExpiredTokenException", "The security token included in the request is expired");
        }

        if ((now - at).Duration() > s_allowedSkew)
        {
            return ("InvalidSignatureException", $"Signature expired: {date} is now earlier than {now - s_allowedSkew:yyyyMMdd'T'HHmmss'Z'}");
        }

        string[] names = signedHeaders.Split(';');
        string payload = request.Headers["x-amz-content-sha256"].ToString();
        IEnumerable<string> mustBeSigned = request.Headers.Keys.Select(static name => name.ToLowerInvariant())
            .Where(static name => name.StartsWith("x-amz-", StringComparison.Ordinal) && name != "x-amz-user-agent").Append("host");
        if (mustBeSigned.Except(names).FirstOrDefault() is { } missing)
        {
            return ("InvalidSignatureException", $"Header {missing} must be signed.");
        }

        bool isUnsigned = payload == "UNSIGNED-PAYLOAD";
        if (isUnsigned && !request.IsHttps)
        {
            return ("InvalidSignatureException", "An unsigned payload needs https.");
        }

        if (!isUnsigned && payload.Length > 0 && payload != bodyDigest)
        {
            return ("InvalidSignatureException", "The digest of the body is not that of x-amz-content-sha256.");
        }

        string canonical = Canonical(request, rawTarget, names, payload.Length > 0 ? payload : bodyDigest);
        string toSign = $"AWS4-HMAC-SHA256\n{date}\n{string.Join('/', scope[1..])}\n{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(canonical)))}";
        byte[] key = Hmac(Hmac(Hmac(Hmac(Encoding.UTF8.GetBytes("AWS4" + identity.SecretKey), scope[1]), scope[2]), scope[3]), scope[4]);
        string expected = Convert.ToHexStringLower(Hmac(key, toSign));
        return CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(expected), Encoding.ASCII.GetBytes(signature))
            ? null
            : ("InvalidSignatureException", "The request signature we calculated does not match the signature you provided.");
    }

    private static byte[] Hmac(byte[] key, string text) => HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text));

    private static string Canonical(HttpRequest request, string rawTarget, string[] names, string payload)
    {
        int question = rawTarget.IndexOf('?', StringComparison.Ordinal);
        string path = question < 0 ? rawTarget : rawTarget[..question];
        string query = question < 0 ? string.Empty : rawTarget[(question + 1)..];
        StringBuilder canonical = new();
        canonical.Append(request.Method).Append('\n');
        canonical.Append(string.Join('/', path.Split('/').Select(Encode))).Append('\n');

        // The query is decoded and encoded again: what comes over the wire may be encoded otherwise than the signature wants it.
        IEnumerable<string> parameters = query.Split('&', StringSplitOptions.RemoveEmptyEntries)
            .Select(static pair => pair.Split('=', 2))
            .Select(static pair => (Name: Encode(Uri.UnescapeDataString(pair[0])), Value: Encode(pair.Length > 1 ? Uri.UnescapeDataString(pair[1]) : string.Empty)))
            .OrderBy(static pair => pair.Name, StringComparer.Ordinal).ThenBy(static pair => pair.Value, StringComparer.Ordinal)
            .Select(static pair => $"{pair.Name}={pair.Value}");
        canonical.Append(string.Join('&', parameters)).Append('\n');
        foreach (string name in names)
        {
            canonical.Append(name).Append(':').Append(string.Join(',', request.Headers[name].Select(static value => string.Join(' ', value!.Split(' ', StringSplitOptions.RemoveEmptyEntries))))).Append('\n');
        }

        return canonical.Append('\n').Append(string.Join(';', names)).Append('\n').Append(payload).ToString();
    }

    private static string Encode(string text)
    {
        StringBuilder encoded = new();
        foreach (byte value in Encoding.UTF8.GetBytes(text))
        {
            if (char.IsAsciiLetterOrDigit((char)value) || value is (byte)'-' or (byte)'.' or (byte)'_' or (byte)'~')
            {
                encoded.Append((char)value);
            }
            else
            {
                encoded.Append('%').Append(value.ToString("X2", CultureInfo.InvariantCulture));
            }
        }

        return encoded.ToString();
    }
}
