using System.Threading;
using System.Threading.Tasks;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Specialized;
using CloudImage.Sdk;
using CloudImage.Sdk.Azure.Disks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Raw;
using CloudImage.Sdk.Formats.Vhd;
using CloudImage.Sdk.Storage;

namespace CloudImage.Cli.Clouds;

/// <summary>Page blobs of Azure: read whole or as a snapshot, made as fixed VHDs or plain disks.</summary>
internal sealed class PageBlobDiskService : CloudDiskService
{
    public override string Scheme => "azpage";

    public override string Usage =>
        "azpage://CONTAINER/BLOB[?snapshot=TIME] to read; azpage://CONTAINER/BLOB.vhd[?resume=true] to write, a fixed VHD or, with --to raw, the disk alone; " +
        "both [?account=NAME&endpoint=URL]; credentials from AZURE_STORAGE_* or DefaultAzureCredential";

    public override async ValueTask<VirtualDisk> OpenContainerAsync(ObjectStoreAddress address, CancellationToken cancellationToken)
    {
        PageBlobClient client = PageBlobAddress.CreateClient(address, PageBlobClientOptions.Default);
        address.ThrowIfAnyLeft();
        return await PageBlobDisk.OpenAsync(client, PageBlobDiskOptions.Default, cancellationToken);
    }

    public override async ValueTask<DiskWriter> CreateAsync(ObjectStoreAddress address, long length, DiskCreateOptions options, CancellationToken cancellationToken)
    {
        PageBlobClient client = PageBlobAddress.CreateClient(address, PageBlobClientOptions.Default);
        bool resumes = address.TakeFlag("resume");
        address.ThrowIfAnyLeft();
        PageBlobWriterOptions writer = options switch
        {
            RawOptions => new PageBlobWriterOptions { Layout = PageBlobLayout.Raw, Resume = resumes ? PageBlobResume.Verify : PageBlobResume.None },
            VhdOptions { Parent: null } vhd => new PageBlobWriterOptions
            {
                Layout = PageBlobLayout.FixedVhd,
                Vhd = new VhdOptions { Variant = VhdVariant.Fixed, UniqueId = vhd.UniqueId },
                Resume = resumes ? PageBlobResume.Verify : PageBlobResume.None,
            },
            _ => throw new UsageException($"A page blob holds a fixed VHD or a plain disk: --to {options.Format.Name} does not go with it."),
        };
        return await PageBlobWriter.CreateAsync(client, length, writer, cancellationToken);
    }

    public override async ValueTask<BlockMap> GetChangesAsync(ObjectStoreAddress older, ObjectStoreAddress newer, CancellationToken cancellationToken)
    {
        PageBlobClient before = PageBlobAddress.CreateClient(older, PageBlobClientOptions.Default);
        PageBlobClient now = PageBlobAddress.CreateClient(newer, PageBlobClientOptions.Default);
        older.ThrowIfAnyLeft();
        newer.ThrowIfAnyLeft();
        string snapshot = new BlobUriBuilder(before.Uri).Snapshot;
        if (string.IsNullOrEmpty(snapshot) || before.WithSnapshot(string.Empty).Uri != now.WithSnapshot(string.Empty).Uri)
        {
            throw new UsageException("The changes of a page blob are those since a snapshot of the same blob: azpage://CONTAINER/BLOB?snapshot=TIME was expected.");
        }

        // The list is of places in the blob, which are those of the disk only where it lies there byte for byte.
        PageBlobDisk container = await PageBlobDisk.OpenAsync(now, PageBlobDiskOptions.Default, cancellationToken);
        await using VirtualDisk disk = await DiskImage.OpenAsync(container, DiskOpenOptions.Default, cancellationToken);
        if (disk.Info is not ({ FormatName: "raw" } or { FormatName: "vhd", Variant: "fixed" }))
        {
            throw new UsageException($"The blob holds a {disk.Info.FormatName} ({disk.Info.Variant}), in which the changes of the blob are in other places than those of the disk: only fixed VHDs and plain disks have change maps.");
        }

        BlockMap changes = await PageBlobDisk.GetChangesAsync(now, snapshot, cancellationToken);
        return new BlockMap(changes.Slice(0, disk.Length));
    }
}
