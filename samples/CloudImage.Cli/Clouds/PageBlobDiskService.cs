using System.Threading;
using System.Threading.Tasks;
using Azure.Storage.Blobs.Specialized;
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
}
