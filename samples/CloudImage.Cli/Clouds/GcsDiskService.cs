using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.GceTar;
using CloudImage.Sdk.GoogleCloud;
using CloudImage.Sdk.GoogleCloud.Gce;
using CloudImage.Sdk.GoogleCloud.Gcs;
using CloudImage.Sdk.Storage;

namespace CloudImage.Cli.Clouds;

/// <summary>Objects of Cloud Storage, made of disks: an archive for Compute Engine, or any format that is written front to back. Connections live as long as the command.</summary>
internal sealed class GcsDiskService : CloudDiskService
{
    public override string Scheme => "gs";

    public override string Usage => "gs://BUCKET/NAME.tar.gz to write for Compute Engine (--to gce), gs://BUCKET/NAME for other formats; [?replace=true&class=CLASS&endpoint=URL&auth=default|none]; application default credentials";

    public override async ValueTask<DiskWriter> CreateAsync(ObjectStoreAddress address, long length, DiskCreateOptions options, CancellationToken cancellationToken)
    {
        GcsObjectSinkOptions target = new()
        {
            Bucket = address.Container,
            Name = address.Prefix.Length > 0 ? address.Prefix : throw new FormatException($"'{address}' names a bucket and no object in it."),
            MayReplace = address.TakeFlag("replace"),
            StorageClass = address.Take("class"),
        };
        GoogleCloudConnection connection = new(GoogleCloudConnectionOptions.FromAddress(address));
        address.ThrowIfAnyLeft();
        if (options is GceTarOptions archive)
        {
            return await GceImageWriter.CreateAsync(connection, length, archive, target, cancellationToken);
        }

        GcsObjectSink sink = await GcsObjectSink.CreateAsync(connection, target, cancellationToken);
        return options.Format.Create(sink, length, options);
    }
}
