using System;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Storage;

namespace CloudImage.Cli.Clouds;

/// <summary>Opens and makes the disks of clouds that the command line names.</summary>
internal static class CloudDisks
{
    private static readonly CloudDiskService[] s_services =
    [
        new GcsDiskService(),
        new GlanceDiskService(),
        new PageBlobDiskService(),
    ];

    /// <summary>Whether a source or a destination is the address of one.</summary>
    public static bool IsAddress(string text) =>
        s_services.Any(service => text.StartsWith(service.Scheme + "://", StringComparison.OrdinalIgnoreCase));

    public static ValueTask<VirtualDisk> OpenContainerAsync(string source, CancellationToken cancellationToken) =>
        RunAsync(source, (service, address) => service.OpenContainerAsync(address, cancellationToken));

    /// <summary>Opens the disk in a container, as the named format, the one that the service declares, or the one that is detected.</summary>
    public static async ValueTask<VirtualDisk> OpenAsync(string source, DiskOpenOptions options, CancellationToken cancellationToken)
    {
        VirtualDisk container = await OpenContainerAsync(source, cancellationToken);
        return options.Format is null && Find(source).DeclaredFormat(container) is { } format
            ? await format.OpenAsync(container, options, cancellationToken)
            : await DiskImage.OpenAsync(container, options, cancellationToken);
    }

    public static ValueTask<DiskWriter> CreateAsync(string destination, long length, DiskCreateOptions options, CancellationToken cancellationToken) =>
        RunAsync(destination, (service, address) => service.CreateAsync(address, length, options, cancellationToken));

    /// <summary>Where a disk may differ from an older state of it.</summary>
    public static ValueTask<BlockMap> GetChangesAsync(string older, string newer, CancellationToken cancellationToken) =>
        IsAddress(newer) && Find(older) == Find(newer)
            ? RunAsync(older, (service, address) => service.GetChangesAsync(address, ObjectStoreAddress.Parse(newer), cancellationToken))
            : throw new UsageException($"The changes since {Find(older).Scheme}:// are those of the same service: DISK has to be there too.");

    private static CloudDiskService Find(string text) => s_services.First(service => text.StartsWith(service.Scheme + "://", StringComparison.OrdinalIgnoreCase));

    // What is wrong with an address is told as wrong usage, with how addresses of that service look.
    private static async ValueTask<T> RunAsync<T>(string text, Func<CloudDiskService, ObjectStoreAddress, ValueTask<T>> run)
    {
        CloudDiskService service = Find(text);
        try
        {
            return await run(service, ObjectStoreAddress.Parse(text));
        }
        catch (Exception exception) when (exception is FormatException or ArgumentException)
        {
            throw new UsageException($"{exception.Message} Addresses: {service.Usage}");
        }
    }
}
