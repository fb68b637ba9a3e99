using System;
using System.Threading.Tasks;
using CloudImage.Sdk.OpenStack.Tests.Support;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Storage;

namespace CloudImage.Sdk.OpenStack.Tests.Swift;

/// <summary>Repositories on Debian's Swift, which are collected by age.</summary>
public sealed class SwiftRepositoryTests(SwiftServer server) : StoreRepositoryTests
{
    protected override async ValueTask<Func<Task<ObjectStore>>> NewPlaceAsync()
    {
        string address = $"swift://{server.NewContainer()}/repository?create-container=true";
        await using (await server.OpenAsync(address))
        {
            return async () => await server.OpenAsync(address);
        }
    }
}
