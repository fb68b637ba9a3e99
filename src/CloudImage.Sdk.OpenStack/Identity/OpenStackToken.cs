using System;
using System.Collections.Generic;

namespace CloudImage.Sdk.OpenStack.Identity;

/// <summary>What a service of identity gave for credentials: a token, for how long it is good, and where the services are.</summary>
/// <remarks>Immutable. The token is a secret: it is in no text that this class makes.</remarks>
public sealed class OpenStackToken
{
    /// <summary>Makes a token.</summary>
    /// <param name="value">The token; null for services that ask for none.</param>
    /// <param name="expiresAt">When it ends; null where that is not known.</param>
    /// <param name="endpoints">The catalog.</param>
    public OpenStackToken(string? value, DateTimeOffset? expiresAt, IReadOnlyList<ServiceEndpoint> endpoints)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        Value = value;
        ExpiresAt = expiresAt;
        Endpoints = endpoints;
    }

    /// <summary>The token, a secret; null for services that ask for none.</summary>
    public string? Value { get; }

    /// <summary>When it ends, by the clock of the service of identity; null where that is not known.</summary>
    public DateTimeOffset? ExpiresAt { get; }

    /// <summary>The catalog.</summary>
    public IReadOnlyList<ServiceEndpoint> Endpoints { get; }

    /// <summary>The time at which it ends, without the token.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => ExpiresAt is { } end ? $"token until {end:O}" : "token";
}
