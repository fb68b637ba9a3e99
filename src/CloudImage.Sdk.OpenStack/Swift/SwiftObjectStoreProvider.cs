using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.OpenStack.Swift;

/// <summary>Opens stores in Swift from addresses such as <c>swift://container/prefix</c>.</summary>
/// <remarks>
/// <para>Credentials come from the environment: the <c>OS_*</c> variables of the vendor's own clients for Keystone, <c>ST_AUTH</c>,
/// <c>ST_USER</c> and <c>ST_KEY</c> for TempAuth. Parameters of an address:</para>
/// <para><c>auth</c> is the address of Keystone or TempAuth instead of the environment's (<c>none</c> for no credentials);
/// <c>endpoint</c> that of the account, instead of the catalog's; <c>region</c> and <c>interface</c> choose from the catalog;
/// <c>create-container=true</c> creates the container; <c>page</c> is the number of names that one request lists.</para>
/// <para>Thread-safe.</para>
/// </remarks>
public sealed class SwiftObjectStoreProvider : ObjectStoreProvider
{
    private readonly Func<Dictionary<string, string>> _readSettings;

    /// <summary>Makes a provider that takes credentials from the environment.</summary>
    public SwiftObjectStoreProvider()
        : this(OpenStackConnectionOptions.ReadEnvironment)
    {
    }

    internal SwiftObjectStoreProvider(Func<Dictionary<string, string>> readSettings) => _readSettings = readSettings;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Schemes { get; } = ["swift"];

    /// <inheritdoc/>
    public override string Usage =>
        "swift://CONTAINER[/PREFIX][?auth=URL|none&endpoint=URL&region=NAME&interface=public&create-container=true&page=N]; credentials from OS_* or ST_AUTH, ST_USER, ST_KEY";

    /// <inheritdoc/>
    public override async ValueTask<ObjectStore> OpenAsync(ObjectStoreAddress address, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        OpenStackConnectionOptions cloud = OpenStackAddress.Read(address, OpenStackConnection.ObjectStore, _readSettings());
        SwiftObjectStoreOptions options = new()
        {
            Container = Uri.UnescapeDataString(address.Container),
            Prefix = address.Prefix,
            CreateContainer = address.TakeFlag("create-container"),
            ListPageLength = address.TakeNumber("page", 1, 10_000) ?? 10_000,
        };
        address.ThrowIfAnyLeft();
        OpenStackConnection connection = new(cloud);
        try
        {
            SwiftObjectStore store = await SwiftObjectStore.OpenAsync(connection, options, cancellationToken).ConfigureAwait(false);
            return new RetryingObjectStore(new OwningObjectStore(store, connection), ObjectRetryOptions.Default);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }
}
