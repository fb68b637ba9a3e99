using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Azure.Storage.Blobs.Models;
using CloudImage.Sdk.Azure.Blobs;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Azure;

/// <summary>Opens addresses <c>az://container/prefix?account=name</c>.</summary>
/// <remarks>
/// Credentials come from <c>AZURE_STORAGE_CONNECTION_STRING</c>, <c>AZURE_STORAGE_KEY</c> or <c>AZURE_STORAGE_SAS_TOKEN</c>, the first of them that is set,
/// and otherwise from <c>DefaultAzureCredential</c>. Every member may be called from several threads at once.
/// </remarks>
public sealed class AzureBlobObjectStoreProvider : ObjectStoreProvider
{
    private static readonly string[] s_tiers = ["hot", "cool", "cold"];

    private readonly Func<string, string?> _environment;
    private readonly ObjectRetryOptions _retry;

    /// <summary>Makes a provider that takes credentials from the environment.</summary>
    public AzureBlobObjectStoreProvider()
        : this(ObjectRetryOptions.Default)
    {
    }

    /// <summary>Makes a provider that takes credentials from the environment.</summary>
    /// <param name="retry">How often calls are made again.</param>
    /// <exception cref="ArgumentNullException"><paramref name="retry"/> is null.</exception>
    public AzureBlobObjectStoreProvider(ObjectRetryOptions retry)
        : this(retry, Environment.GetEnvironmentVariable)
    {
    }

    internal AzureBlobObjectStoreProvider(ObjectRetryOptions retry, Func<string, string?> environment)
    {
        ArgumentNullException.ThrowIfNull(retry);
        _retry = retry;
        _environment = environment;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Schemes { get; } = ["az"];

    /// <inheritdoc/>
    public override string Usage => "az://CONTAINER[/PREFIX][?account=NAME&endpoint=URL&create-container=true&tier=hot|cool|cold&concurrency=N]; credentials from AZURE_STORAGE_* or DefaultAzureCredential";

    /// <inheritdoc/>
    public override async ValueTask<ObjectStore> OpenAsync(ObjectStoreAddress address, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        AzureBlobObjectStoreOptions options = Parse(address);
        return await RetryingObjectStore.OpenAsync(async token => await AzureBlobObjectStore.OpenAsync(options, token).ConfigureAwait(false), _retry, cancellationToken).ConfigureAwait(false);
    }

    private AzureBlobObjectStoreOptions Parse(ObjectStoreAddress address)
    {
        AzureEnvironment environment = AzureEnvironment.Read(address.Take("account"), address.TakeUri("endpoint"), _environment);
        bool createContainer = address.TakeFlag("create-container");
        string? tier = address.Take("tier");
        int concurrency = address.TakeNumber("concurrency", 1, 256) ?? 16;
        address.ThrowIfAnyLeft();
        if (tier is not null && !s_tiers.Contains(tier))
        {
            throw new FormatException($"Parameter tier is '{tier}': {string.Join(", ", s_tiers)} were expected.");
        }

        try
        {
            AzureBlobObjectStoreOptions options = new()
            {
                Endpoint = environment.Endpoint,
                Container = address.Container,
                Prefix = address.Prefix,
                CreateContainer = createContainer,
                ColdTier = tier is null ? default(AccessTier?) : new AccessTier(char.ToUpperInvariant(tier[0]) + tier[1..]),
                Key = environment.Key,
                Signature = environment.Signature,
                MaximumConcurrency = concurrency,
            };
            options.Validate();
            return options;
        }
        catch (ArgumentException exception)
        {
            throw new FormatException($"{address}: {exception.Message}", exception);
        }
    }
}
