using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace CloudImage.Sdk.GoogleCloud.Tests.Fakes;

/// <summary>Gives tokens for assertions that a service account's key has signed (RFC 7523), and knows which are good.</summary>
internal sealed class GcsFakeAuthority : IDisposable
{
    /// <summary>The audience that assertions name wherever they are sent.</summary>
    private const string Audience = "https://oauth2.googleapis.com/token";
    private const string GrantType = "urn:ietf:params:oauth:grant-type:jwt-bearer";

    private readonly RSA _key = RSA.Create(2048);
    private readonly ConcurrentDictionary<string, DateTimeOffset> _tokens = new();
    private int _given;

    public string Email { get; } = "tests@project.iam.gserviceaccount.example";

    /// <summary>How many tokens were given.</summary>
    public int GivenTokens => _given;

    /// <summary>How long tokens are good.</summary>
    public TimeSpan Life { get; set; } = TimeSpan.FromHours(1);

    /// <summary>A key file as the vendor's console gives it.</summary>
    public string MakeKeyFile(Uri tokenAddress) => MakeKeyFile(tokenAddress, _key);

    /// <summary>A key file of the same account, with a key that the authority does not know.</summary>
    public string MakeForeignKeyFile(Uri tokenAddress)
    {
        using RSA other = RSA.Create(2048);
        return MakeKeyFile(tokenAddress, other);
    }

    /// <summary>Takes all tokens back.</summary>
    public void RevokeAll() => _tokens.Clear();

    public void Check(string? authorization)
    {
        if (authorization is null || !authorization.StartsWith("Bearer ", StringComparison.Ordinal)
            || !_tokens.TryGetValue(authorization[7..], out DateTimeOffset end) || end < TimeProvider.System.GetUtcNow())
        {
            throw new GcsFakeException(401, "authError", "Invalid Credentials");
        }
    }

    /// <summary>Answers a request for a token.</summary>
    public (int Status, JsonObject Body) Exchange(string form, string tokenAddress)
    {
        var fields = form.Split('&').Select(static pair => pair.Split('=', 2)).ToDictionary(static pair => Uri.UnescapeDataString(pair[0]), static pair => Uri.UnescapeDataString(pair[1].Replace('+', ' ')));
        string[] parts = fields.GetValueOrDefault("assertion", string.Empty).Split('.');
        if (fields.GetValueOrDefault("grant_type") != GrantType || parts.Length != 3)
        {
            return Refuse("unsupported_grant_type", "A signed assertion was expected.");
        }

        if (!_key.VerifyData(Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), Decode(parts[2]), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))
        {
            return Refuse("invalid_grant", "Invalid JWT Signature.");
        }

        JsonNode header = JsonNode.Parse(Decode(parts[0]))!;
        JsonNode claims = JsonNode.Parse(Decode(parts[1]))!;
        long now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        if ((string?)header["alg"] != "RS256" || (string?)claims["iss"] != Email || ((string?)claims["aud"] != Audience && (string?)claims["aud"] != tokenAddress)
            || (long)claims["iat"]! > now + 300 || (long)claims["exp"]! < now || (long)claims["exp"]! > (long)claims["iat"]! + 3600)
        {
            return Refuse("invalid_grant", "Invalid JWT: one of its claims.");
        }

        if (((string?)claims["scope"])?.Contains("devstorage", StringComparison.Ordinal) != true && ((string?)claims["scope"])?.Contains("cloud-platform", StringComparison.Ordinal) != true)
        {
            return Refuse("invalid_scope", "Invalid OAuth scope.");
        }

        string token = $"ya29.{System.Threading.Interlocked.Increment(ref _given)}.{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16))}";
        _tokens[token] = TimeProvider.System.GetUtcNow() + Life;
        return (200, new JsonObject { ["access_token"] = token, ["token_type"] = "Bearer", ["expires_in"] = (int)Life.TotalSeconds });
    }

    public void Dispose() => _key.Dispose();

    private string MakeKeyFile(Uri tokenAddress, RSA key) => new JsonObject
    {
        ["type"] = "service_account",
        ["project_id"] = "project",
        ["private_key_id"] = "tests",
        ["private_key"] = key.ExportPkcs8PrivateKeyPem() + "\n",
        ["client_email"] = Email,
        ["client_id"] = "1",
        ["token_uri"] = tokenAddress.ToString(),
        ["universe_domain"] = "googleapis.com",
    }.ToJsonString();

    private static (int Status, JsonObject Body) Refuse(string error, string description) => (400, new JsonObject { ["error"] = error, ["error_description"] = description });

    private static byte[] Decode(string text)
    {
        string padded = text.Replace('-', '+').Replace('_', '/');
        return Convert.FromBase64String(padded.PadRight((padded.Length + 3) / 4 * 4, '='));
    }
}
