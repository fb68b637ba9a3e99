using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats;

/// <summary>Opens an image and, where a resolver is given, the parents it names, and joins them to one disk.</summary>
internal static class ReferenceChain
{
    public static async ValueTask<VirtualDisk> OpenAsync(DiskFormat format, VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        List<VirtualDisk> layers = [];
        try
        {
            layers.Add(await OpenLayerAsync(format, container, options, mode, cancellationToken).ConfigureAwait(false));
            while (options.References is { } resolver && ParentOf(layers[^1]) is { } parent)
            {
                if (layers.Count >= options.Limits.MaxChainDepth)
                {
                    throw new DiskReferenceException(parent, $"The chain of parents has more than {options.Limits.MaxChainDepth} layers; the next would be '{parent.Name}'. A chain that names itself never ends; raise DiskReadLimits.MaxChainDepth if this one is real.");
                }

                layers.Add(await OpenParentAsync(resolver, parent, options, mode, cancellationToken).ConfigureAwait(false));
            }
        }
        catch
        {
            layers.ForEach(static layer => layer.Dispose());
            throw;
        }

        return layers.Count == 1 ? layers[0] : new LayeredDisk(layers);
    }

    private static DiskReference? ParentOf(VirtualDisk layer) =>
        layer.Info.References.FirstOrDefault(static reference => reference.Kind == DiskReferenceKind.Parent);

    private static async ValueTask<VirtualDisk> OpenLayerAsync(DiskFormat format, VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        try
        {
            return await format.OpenLayerAsync(container, options, mode, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            if (!options.LeaveOpen)
            {
                container.Dispose();
            }

            throw;
        }
    }

    private static async ValueTask<VirtualDisk> OpenParentAsync(BackingFileResolver resolver, DiskReference parent, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        // The content of a backing file is never probed: a guest that can write sector 0 of a raw disk could choose its format.
        DiskFormat format = (parent.FormatName is null ? null : DiskFormatRegistry.Default.Find(parent.FormatName))
            ?? throw new DiskReferenceException(parent, parent.FormatName is null
                ? $"The image names its parent '{parent.Name}' without a format. Rewrite the image with a declared backing format (qemu-img rebase -u -F FORMAT), or open the parent with an explicit format and join both as a layered disk."
                : $"The image declares the format '{parent.FormatName}' for its parent '{parent.Name}', which is not known.");
        VirtualDisk container = await resolver.ResolveAsync(parent, mode, cancellationToken).ConfigureAwait(false)
            ?? throw new DiskReferenceException(parent, $"The parent '{parent.Name}' was not found.");
        VirtualDisk layer = await OpenLayerAsync(format, container, options.ForReference(format), mode, cancellationToken).ConfigureAwait(false);
        if (parent.LinkageId is { } expected && layer.Info.LinkageId is { } actual && expected != actual)
        {
            layer.Dispose();
            throw new DiskReferenceException(parent, $"The file '{parent.Name}' is not the parent that is meant: its id is {actual}, and {expected} was expected. It was changed or replaced after the child was made.");
        }

        return layer;
    }
}
