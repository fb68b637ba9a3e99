using System;
using System.IO;
using System.Threading.Tasks;
using Azure.Storage;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using Azure.Storage.Sas;
using CloudImage.Sdk.Azure.Disks;
using CloudImage.Sdk.Azure.Tests.Fakes;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Tests.Support;

namespace CloudImage.Sdk.Azure.Tests.Disks;

/// <summary>A container of its own in an account on loopback.</summary>
internal sealed class PageBlobPlace
{
    private readonly StorageSharedKeyCredential _key;

    private PageBlobPlace(Uri endpoint, StorageSharedKeyCredential key, string container)
    {
        Endpoint = endpoint;
        _key = key;
        Container = container;
    }

    public Uri Endpoint { get; }

    public string Container { get; }

    public static PageBlobClientOptions FewRetries { get; } = new() { MaxRetries = 3, RetryDelay = TimeSpan.FromMilliseconds(10), MaxRetryDelay = TimeSpan.FromMilliseconds(100), NetworkTimeout = TimeSpan.FromSeconds(10) };

    public static Task<PageBlobPlace> NewAsync(TestServer server) => NewAsync(new Uri(server["endpoint"]), server["account"], server["key"]);

    public static Task<PageBlobPlace> NewAsync(AzureFake fake) => NewAsync(fake.Endpoint, AzureFake.Account, Convert.ToBase64String(fake.Key));

    private static async Task<PageBlobPlace> NewAsync(Uri endpoint, string account, string key)
    {
        PageBlobPlace place = new(endpoint, new StorageSharedKeyCredential(account, key), $"disks{Guid.NewGuid():N}");
        await new BlobContainerClient(place.Address(string.Empty), place._key).CreateAsync();
        return place;
    }

    /// <summary>A name that nobody has used.</summary>
    public static string NewName() => $"disk-{Guid.NewGuid():N}.vhd";

    public Uri Address(string blob, int? port = null)
    {
        UriBuilder address = new($"{Endpoint.ToString().TrimEnd('/')}/{Container}{(blob.Length == 0 ? string.Empty : "/" + blob)}");
        address.Port = port ?? address.Port;
        return address.Uri;
    }

    /// <summary>A signed address.</summary>
    public Uri Sign(string blob, BlobSasPermissions permissions, int? port = null) =>
        new BlobClient(Address(blob, port), _key).GenerateSasUri(permissions, DateTimeOffset.UtcNow.AddHours(1));

    /// <summary>A client for a blob, perhaps through a proxy.</summary>
    public PageBlobClient Client(string blob, PageBlobClientOptions? options = null, int? port = null) =>
        new(Address(blob, port), _key, (options ?? FewRetries).ToBlobClientOptions());

    public BlobClient AnyClient(string blob) => new(Address(blob), _key, FewRetries.ToBlobClientOptions());

    /// <summary>Makes a page blob of a disk's data by the vendor's client alone.</summary>
    public async Task<PageBlobClient> UploadAsync(TestDisk disk)
    {
        PageBlobClient client = Client(NewName());
        await client.CreateAsync((disk.Length + 511) / 512 * 512);
        byte[] content = disk.ToArray();
        foreach (DiskExtent extent in disk.GetExtents(0, disk.Length))
        {
            if (extent.Kind == DiskExtentKind.Data)
            {
                for (long offset = extent.Offset; offset < extent.End; offset += 4 << 20)
                {
                    int count = (int)Math.Min(4 << 20, extent.End - offset);
                    await client.UploadPagesAsync(new MemoryStream(content, (int)offset, count), offset);
                }
            }
        }

        return client;
    }

    /// <summary>The content of a blob, by the vendor's client alone.</summary>
    public async Task<byte[]> DownloadAsync(string blob)
    {
        BlobDownloadResult result = await Client(blob).DownloadContentAsync();
        return result.Content.ToArray();
    }
}
