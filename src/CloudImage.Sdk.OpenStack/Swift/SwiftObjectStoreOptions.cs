using System;

namespace CloudImage.Sdk.OpenStack.Swift;

/// <summary>How a store in Swift is used. Immutable.</summary>
public sealed class SwiftObjectStoreOptions
{
    /// <summary>The container.</summary>
    public required string Container { get; init; }

    /// <summary>What the names of all objects of the store begin with, without a '/' at either end.</summary>
    /// <value>The default value is empty: the whole container.</value>
    public string Prefix { get; init; } = string.Empty;

    /// <summary>Whether a container that does not exist is created.</summary>
    /// <value>The default value is <see langword="false"/>.</value>
    public bool CreateContainer { get; init; }

    /// <summary>How many names one request for a listing asks for.</summary>
    /// <value>The default value is 10,000, which is the most that Swift answers.</value>
    public int ListPageLength { get; init; } = 10_000;

    /// <summary>How many objects are deleted by one request, where the service offers that.</summary>
    /// <value>The default value is 500: the service works through them one or two at a time while the request waits.</value>
    public int BulkDeleteLength { get; init; } = 500;

    /// <summary>How many requests are made at once where the service deletes objects one by one, and the number that callers are told to keep to.</summary>
    /// <value>The default value is 16.</value>
    public int Concurrency { get; init; } = 16;

    /// <summary>How long one request may take, with its body.</summary>
    /// <value>The default value is five minutes.</value>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromMinutes(5);

    internal void Validate()
    {
        if (Container.Length is 0 or > 256 || Container.Contains('/', StringComparison.Ordinal))
        {
            throw new ArgumentException($"'{Container}' cannot name a container: 1 to 256 characters without '/' were expected.");
        }

        ArgumentNullException.ThrowIfNull(Prefix);
        ArgumentOutOfRangeException.ThrowIfLessThan(ListPageLength, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ListPageLength, 10_000);
        ArgumentOutOfRangeException.ThrowIfLessThan(BulkDeleteLength, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Concurrency, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(RequestTimeout, TimeSpan.Zero);
    }
}
