using System;

namespace CloudImage.Sdk.Aws.Tests.Fakes;

/// <summary>Who may ask a fake service.</summary>
internal sealed record FakeIdentity(string AccessKey, string SecretKey)
{
    /// <summary>The session token that must come with it; null for lasting keys.</summary>
    public string? Token { get; init; }

    public DateTime ExpiresAt { get; init; } = DateTime.MaxValue;
}
