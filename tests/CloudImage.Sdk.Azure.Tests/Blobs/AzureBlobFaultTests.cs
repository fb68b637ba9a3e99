using System;
using System.Threading.Tasks;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Storage;
using CloudImage.Sdk.Tests.Support;

namespace CloudImage.Sdk.Azure.Tests.Blobs;

/// <summary>Azurite behind a proxy that breaks requests.</summary>
public sealed class AzureBlobFaultTests(AzuriteServer server) : StoreFaultTests
{
    protected override (string Method, bool HasBody) Deletion => ("DELETE", false);

    protected override string Busy => "503 ServerBusy";

    protected override async ValueTask<int> PortAsync() => (await server.GetAsync()).Port;

    protected override async Task<ObjectStore> OpenAsync(FaultProxy proxy, ObjectRetryOptions retry)
    {
        AzureBlobObjectStoreOptions known = await server.NewOptionsAsync(create: true);
        AzureBlobObjectStoreOptions through = new()
        {
            Endpoint = new Uri(proxy.Address, known.Endpoint.AbsolutePath), Container = known.Container, Prefix = known.Prefix, Key = known.Key, CreateContainer = true,
        };
        return new RetryingObjectStore(await AzureBlobObjectStore.OpenAsync(through), retry);
    }

    protected override void AnswerAsTheService(FaultProxy proxy, string headers)
    {
        proxy.UnavailableHeaders = headers + "x-ms-error-code: ServerBusy\r\n";
        proxy.UnavailableBody = "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>ServerBusy</Code><Message>The server is busy.</Message></Error>";
    }
}
