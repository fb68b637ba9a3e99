using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Storage;

namespace CloudImage.Cli.Clouds;

/// <summary>A service whose disks and images the command line reads and makes by address: <c>scheme://name?parameter=value</c>.</summary>
internal abstract class CloudDiskService
{
    /// <summary>What comes before <c>://</c>.</summary>
    public abstract string Scheme { get; }

    /// <summary>How its addresses are written, in a line or two.</summary>
    public abstract string Usage { get; }

    /// <summary>Opens what an address names; the format in it is found by the caller.</summary>
    public virtual ValueTask<VirtualDisk> OpenContainerAsync(ObjectStoreAddress address, CancellationToken cancellationToken) =>
        throw new UsageException($"Nothing is read from {Scheme}:// here. Addresses: {Usage}");

    /// <summary>The format that the service says a container has; null where it says none.</summary>
    public virtual DiskFormat? DeclaredFormat(VirtualDisk container) => null;

    /// <summary>Begins what an address names.</summary>
    public virtual ValueTask<DiskWriter> CreateAsync(ObjectStoreAddress address, long length, DiskCreateOptions options, CancellationToken cancellationToken) =>
        throw new UsageException($"Nothing is written to {Scheme}:// here. Addresses: {Usage}");

    /// <summary>Lists where a disk may differ from an older state of it, by what the service knows.</summary>
    public virtual ValueTask<BlockMap> GetChangesAsync(ObjectStoreAddress older, ObjectStoreAddress newer, CancellationToken cancellationToken) =>
        throw new UsageException($"{Scheme}:// lists no changes.");
}
