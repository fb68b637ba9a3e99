using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.Storage;

/// <summary>The services whose stores can be opened by address.</summary>
/// <remarks>Immutable; every member may be called from several threads at once.</remarks>
public sealed class ObjectStoreRegistry
{
    private readonly Dictionary<string, ObjectStoreProvider> _providers = new(StringComparer.Ordinal);

    /// <summary>Makes a registry.</summary>
    /// <param name="providers">The providers; of two for one scheme the later one serves.</param>
    public ObjectStoreRegistry(IEnumerable<ObjectStoreProvider> providers)
    {
        ArgumentNullException.ThrowIfNull(providers);
        foreach (ObjectStoreProvider provider in providers)
        {
            foreach (string scheme in provider.Schemes)
            {
                _providers[scheme] = provider;
            }
        }
    }

    /// <summary>The schemes that can be opened, in order.</summary>
    public IReadOnlyList<string> Schemes => [.. _providers.Keys.Order(StringComparer.Ordinal)];

    /// <summary>The providers, each once.</summary>
    public IReadOnlyList<ObjectStoreProvider> Providers => [.. _providers.Values.Distinct()];

    /// <summary>Opens a store.</summary>
    /// <param name="address">Its address, such as <c>s3://bucket/prefix?region=eu-central-1</c>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The store, which the caller owns.</returns>
    /// <exception cref="FormatException">The address is wrong, or no provider opens its scheme.</exception>
    /// <exception cref="ObjectStoreException">The service cannot be reached, refuses, or cannot carry a store.</exception>
    public ValueTask<ObjectStore> OpenAsync(string address, CancellationToken cancellationToken = default)
    {
        ObjectStoreAddress parsed = ObjectStoreAddress.Parse(address);
        return _providers.TryGetValue(parsed.Scheme, out ObjectStoreProvider? provider)
            ? provider.OpenAsync(parsed, cancellationToken)
            : throw new FormatException($"Nothing here opens stores in {parsed.Scheme}://; known are {(_providers.Count == 0 ? "none" : string.Join(", ", Schemes))}.");
    }
}
