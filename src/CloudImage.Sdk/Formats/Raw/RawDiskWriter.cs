using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Raw;

/// <summary>Writes plain disk content, which ends where the disk ends.</summary>
internal sealed class RawDiskWriter : PlainDiskWriter
{
    public RawDiskWriter(ImageSink sink, long length)
        : base(sink, length)
    {
    }

    protected override ValueTask WriteEndAsync(IoMode mode, CancellationToken cancellationToken)
    {
        if (!ContainerSink.IsSequential)
        {
            ContainerSink.SetLength(Length);
        }

        return ValueTask.CompletedTask;
    }
}
