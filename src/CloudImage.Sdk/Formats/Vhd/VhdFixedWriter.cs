using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vhd;

/// <summary>Writes a fixed disk: its bytes, then the footer.</summary>
internal sealed class VhdFixedWriter : PlainDiskWriter
{
    private readonly byte[] _footer;

    public VhdFixedWriter(ImageSink sink, long length, VhdOptions options)
        : base(sink, length) => _footer = VhdFooterFactory.Make(length, VhdDiskType.Fixed, options).ToArray();

    protected override ValueTask WriteEndAsync(IoMode mode, CancellationToken cancellationToken) =>
        ContainerSink.WriteAsync(_footer, Length, mode, cancellationToken);
}
