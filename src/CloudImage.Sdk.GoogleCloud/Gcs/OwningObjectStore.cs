using System;
using System.Threading.Tasks;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.GoogleCloud.Gcs;

/// <summary>A store that owns the connection that it works over.</summary>
internal sealed class OwningObjectStore(ObjectStore inner, IDisposable connection) : DelegatingObjectStore(inner)
{
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        connection.Dispose();
    }

    protected override async ValueTask DisposeCoreAsync()
    {
        await base.DisposeCoreAsync().ConfigureAwait(false);
        connection.Dispose();
    }
}
