using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Aws;
using CloudImage.Sdk.Azure;
using CloudImage.Sdk.GoogleCloud.Gcs;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.OpenStack.Swift;
using CloudImage.Sdk.Storage;

namespace CloudImage.Cli;

/// <summary>Opens the store that the command line names: a folder, or the address of one in a cloud.</summary>
internal static class Stores
{
    /// <summary>The clouds that addresses can name.</summary>
    public static ObjectStoreRegistry Registry { get; } = new([
        new S3ObjectStoreProvider(),
        new AzureBlobObjectStoreProvider(),
        new GcsObjectStoreProvider(),
        new SwiftObjectStoreProvider(),
    ]);

    public static async ValueTask<ObjectStore> OpenAsync(string place, WriteDurability durability, CancellationToken cancellationToken)
    {
        if (!ObjectStoreAddress.IsAddress(place))
        {
            return new DirectoryObjectStore(Path.GetFullPath(place), new DirectoryObjectStoreOptions { Durability = durability });
        }

        try
        {
            return await Registry.OpenAsync(place, cancellationToken);
        }
        catch (FormatException exception)
        {
            throw new UsageException(exception.Message);
        }
    }
}
