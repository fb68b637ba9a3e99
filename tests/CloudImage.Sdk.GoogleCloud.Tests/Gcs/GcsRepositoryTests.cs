using System;
using System.Threading.Tasks;
using CloudImage.Sdk.GoogleCloud.Gcs;
using CloudImage.Sdk.GoogleCloud.Tests.Fakes;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Storage;

namespace CloudImage.Sdk.GoogleCloud.Tests.Gcs;

/// <summary>Repositories on the fake of Cloud Storage that the vendor's client has checked.</summary>
public sealed class GcsRepositoryTests : StoreRepositoryTests, IAsyncDisposable
{
    private readonly GcsFake _fake = new();

    public async ValueTask DisposeAsync() => await _fake.DisposeAsync();

    protected override ValueTask<Func<Task<ObjectStore>>> NewPlaceAsync()
    {
        string address = $"gs://repositories/{Guid.NewGuid():n}?create-bucket=true&project=p&endpoint={_fake.Address.ToString().TrimEnd('/')}";
        return ValueTask.FromResult<Func<Task<ObjectStore>>>(async () => await new GcsObjectStoreProvider().OpenAsync(ObjectStoreAddress.Parse(address)));
    }
}
