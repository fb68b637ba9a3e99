using System;
using System.Threading.Tasks;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Storage;

namespace CloudImage.Sdk.Azure.Tests.Blobs;

/// <summary>Repositories on Azurite.</summary>
public sealed class AzureBlobRepositoryTests(AzuriteServer server) : StoreRepositoryTests
{
    protected override async ValueTask<Func<Task<ObjectStore>>> NewPlaceAsync()
    {
        AzureBlobObjectStoreOptions options = await server.NewOptionsAsync(create: true);
        return async () => new RetryingObjectStore(await AzureBlobObjectStore.OpenAsync(options), ObjectRetryOptions.Default);
    }
}
