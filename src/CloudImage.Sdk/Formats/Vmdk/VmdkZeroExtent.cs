using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>An extent without a file that reads as zeros.</summary>
internal sealed class VmdkZeroExtent : VmdkExtent
{
    public VmdkZeroExtent(long start, long length)
        : base(start, length)
    {
    }

    public override ValueTask<DiskPlacement> LocateAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken) =>
        ValueTask.FromResult(new DiskPlacement(offset, length, DiskExtentKind.Zero));
}
