using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Azure.Disks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Raw;
using CloudImage.Sdk.Formats.Vhd;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Azure.Tests.Disks;

/// <summary>Page blobs as a format: what is written goes to a blob and, once that is complete, from there to the sink.</summary>
internal sealed class PageBlobTestFormat(PageBlobPlace place, PageBlobLayout layout) : DiskFormat
{
    public override string Name => "page-blob";

    public override string Description => "A page blob";

    public override IReadOnlyList<string> FileExtensions => [];

    public override bool CanCreate => true;

    private DiskFormat Inner => layout == PageBlobLayout.Raw ? RawFormat.Instance : VhdFormat.Instance;

    public override bool IsMatch(in DiskProbe probe) => false;

    protected override async ValueTask<VirtualDisk> OpenCoreAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken) =>
        mode == IoMode.Synchronous ? Inner.Open(container, options) : await Inner.OpenAsync(container, options, cancellationToken);

    protected override DiskWriter CreateCore(ImageSink sink, long length, DiskCreateOptions options)
    {
        string name = PageBlobPlace.NewName();
        PageBlobWriter writer = PageBlobWriter.CreateAsync(place.Client(name), length, new PageBlobWriterOptions { Layout = layout }).GetAwaiter().GetResult();
        return new Writer(writer, sink, () => place.DownloadAsync(name));
    }

    public sealed class CreateOptions(PageBlobTestFormat format) : DiskCreateOptions
    {
        public override DiskFormat Format => format;
    }

    private sealed class Writer(PageBlobWriter writer, ImageSink sink, Func<Task<byte[]>> download) : DiskWriter
    {
        public override long Length => writer.Length;

        public override int PreferredBlockSize => writer.PreferredBlockSize;

        protected override async ValueTask WriteCoreAsync(ReadOnlyMemory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
        {
            if (mode == IoMode.Synchronous)
            {
                writer.Write(buffer.Span, offset);
                return;
            }

            await writer.WriteAsync(buffer, offset, cancellationToken);
        }

        protected override async ValueTask WriteZeroesCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
        {
            if (mode == IoMode.Synchronous)
            {
                writer.WriteZeroes(offset, length);
                return;
            }

            await writer.WriteZeroesAsync(offset, length, cancellationToken);
        }

        protected override async ValueTask CompleteCoreAsync(IoMode mode, CancellationToken cancellationToken)
        {
            if (mode == IoMode.Synchronous)
            {
                writer.Complete();
                byte[] content = download().GetAwaiter().GetResult();
                sink.SetLength(content.Length);
                sink.Write(content, 0);
                sink.CompleteAsync(cancellationToken).AsTask().GetAwaiter().GetResult();
                return;
            }

            await writer.CompleteAsync(cancellationToken);
            byte[] bytes = await download();
            sink.SetLength(bytes.Length);
            await sink.WriteAsync(bytes, 0, cancellationToken);
            await sink.CompleteAsync(cancellationToken);
        }

        protected override void Dispose(bool disposing)
        {
            writer.Dispose();
            sink.Dispose();
            base.Dispose(disposing);
        }
    }
}
