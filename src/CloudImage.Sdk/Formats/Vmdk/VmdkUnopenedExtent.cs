using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>An extent whose file was not opened because no resolver was given: known by name, an error to read.</summary>
internal sealed class VmdkUnopenedExtent : VmdkExtent
{
    private readonly DiskReference _reference;

    public VmdkUnopenedExtent(DiskReference reference, long start, long length)
        : base(start, length) => _reference = reference;

    public override ValueTask<DiskPlacement> LocateAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken) =>
        throw new DiskReferenceException(_reference, $"Offset {offset} of the vmdk image lies in the extent file '{VmdkText.Shorten(_reference.Name)}', which was not opened. Open the image with a resolver for referenced files (DiskOpenOptions.References).");
}
