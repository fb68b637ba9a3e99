using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.OpenStack;
using CloudImage.Sdk.OpenStack.Glance;
using CloudImage.Sdk.Storage;

namespace CloudImage.Cli.Clouds;

/// <summary>Images of OpenStack: read by id, made by name. Connections live as long as the command.</summary>
internal sealed class GlanceDiskService : CloudDiskService
{
    public override string Scheme => "glance";

    public override string Usage =>
        "glance://IMAGE-ID to read; glance://NAME[?visibility=private&min-disk=GIB&protected=true&property=KEY:VALUE,KEY:VALUE] to write; both [?auth=URL|none&endpoint=URL&region=NAME&interface=public]; credentials from OS_*";

    public override async ValueTask<VirtualDisk> OpenContainerAsync(ObjectStoreAddress address, CancellationToken cancellationToken)
    {
        OpenStackConnection connection = Connect(address);
        address.ThrowIfAnyLeft();
        return await GlanceDisk.OpenAsync(connection, address.Container, HttpDiskOptions.Default, cancellationToken);
    }

    public override DiskFormat? DeclaredFormat(VirtualDisk container) => (container as GlanceDisk)?.DeclaredFormat;

    public override async ValueTask<DiskWriter> CreateAsync(ObjectStoreAddress address, long length, DiskCreateOptions options, CancellationToken cancellationToken)
    {
        GlanceImageOptions image = new()
        {
            Name = Uri.UnescapeDataString(address.Container),
            Visibility = address.Take("visibility") ?? "private",
            MinimumDiskInGibibytes = address.TakeNumber("min-disk", 0, int.MaxValue),
            IsProtected = address.TakeFlag("protected"),
            Properties = ParseProperties(address.Take("property")),
        };
        OpenStackConnection connection = Connect(address);
        address.ThrowIfAnyLeft();
        return await GlanceImageWriter.CreateAsync(connection, length, options, image, cancellationToken);
    }

    private static OpenStackConnection Connect(ObjectStoreAddress address) => new(OpenStackConnectionOptions.FromAddress(address, "image"));

    private static Dictionary<string, string> ParseProperties(string? text)
    {
        Dictionary<string, string> properties = new(StringComparer.Ordinal);
        foreach (string pair in (text ?? string.Empty).Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            int colon = pair.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0 || !properties.TryAdd(pair[..colon], pair[(colon + 1)..]))
            {
                throw new FormatException($"'{pair}' is no property of an image: KEY:VALUE was expected, each key once.");
            }
        }

        return properties;
    }
}
