using System.Collections.Generic;
using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Snapshots.Layers;

/// <summary>Maps of what layers hold.</summary>
internal static class LayerMaps
{
    /// <summary>What the first layers of a list hold, zeros included.</summary>
    public static BlockMap Covered(IReadOnlyList<VirtualDisk> layers, int count)
    {
        BlockMap covered = BlockMap.Empty;
        for (int index = 0; index < count; index++)
        {
            List<DiskExtent> extents = [];
            foreach (DiskExtent extent in layers[index].GetExtents(0, layers[index].Length))
            {
                if (extent.Kind != DiskExtentKind.Unmapped)
                {
                    extents.Add(extent);
                }
            }

            covered = BlockMap.Union(covered, new BlockMap(extents));
        }

        return covered;
    }
}
