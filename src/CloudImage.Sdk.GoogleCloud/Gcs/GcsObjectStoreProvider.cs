using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.GoogleCloud.Gcs;

/// <summary>Opens stores in Cloud Storage from addresses such as <c>gs://bucket/prefix</c>.</summary>
/// <remarks>
/// <para>Credentials are the application default credentials. Parameters of an address:</para>
/// <para><c>endpoint</c> is another address of the service (an emulator's; <c>STORAGE_EMULATOR_HOST</c> means the same), to which on loopback
/// no credentials are sent unless <c>auth=default</c> says so, and <c>auth=none</c> sends none anywhere; <c>create-bucket=true</c> creates the
/// bucket in <c>project</c>, at <c>location</c>; <c>warm-class</c> and <c>cold-class</c> are storage classes; <c>page</c> is the number of names
/// that one request lists.</para>
/// <para>Thread-safe.</para>
/// </remarks>
public sealed class GcsObjectStoreProvider : ObjectStoreProvider
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> Schemes { get; } = ["gs"];

    /// <inheritdoc/>
    public override string Usage =>
        "gs://BUCKET[/PREFIX][?create-bucket=true&project=ID&location=PLACE&warm-class=CLASS&cold-class=CLASS&endpoint=URL&auth=default|none&page=N]; application default credentials";

    /// <inheritdoc/>
    public override async ValueTask<ObjectStore> OpenAsync(ObjectStoreAddress address, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        GoogleCloudConnectionOptions service = GcsAddress.Read(address);
        GcsObjectStoreOptions options = new()
        {
            Bucket = address.Container,
            Prefix = address.Prefix,
            CreateBucket = address.TakeFlag("create-bucket"),
            Project = address.Take("project"),
            Location = address.Take("location"),
            WarmStorageClass = address.Take("warm-class"),
            ColdStorageClass = address.Take("cold-class"),
            ListPageLength = address.TakeNumber("page", 1, 1000) ?? 1000,
        };
        address.ThrowIfAnyLeft();
        GoogleCloudConnection connection = new(service);
        try
        {
            GcsObjectStore store = await GcsObjectStore.OpenAsync(connection, options, cancellationToken).ConfigureAwait(false);
            return new RetryingObjectStore(new OwningObjectStore(store, connection), ObjectRetryOptions.Default);
        }
        catch (ArgumentException exception)
        {
            connection.Dispose();
            throw new FormatException(exception.Message, exception);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }
}
