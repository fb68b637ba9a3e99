using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Raw;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk;

/// <summary>Opens images that come from streams which only go forward.</summary>
public static partial class DiskImage
{
    /// <summary>Opens an image that comes from a stream which only goes forward, such as a pipe: raw, streamOptimized VMDK, OVA, GCE archive.</summary>
    /// <param name="stream">The bytes of the image from its start; owned by the source from here on, also when opening fails, unless <see cref="DiskOpenOptions.LeaveOpen"/>.</param>
    /// <param name="options">How to open it; without a format it is detected from the first bytes.</param>
    /// <returns>The source, which the caller owns.</returns>
    /// <exception cref="DiskFormatException">The stream bears the marks of no format, or of several, or is not valid.</exception>
    /// <exception cref="NotSupportedException">The format needs random access.</exception>
    public static SequentialDiskSource OpenSequential(Stream stream, DiskOpenOptions options) =>
        SyncBridge.Completed(OpenSequentialAsync(stream, options, IoMode.Synchronous, CancellationToken.None));

    /// <summary>Opens an image that comes from a stream which only goes forward, such as a pipe: raw, streamOptimized VMDK, OVA, GCE archive.</summary>
    /// <param name="stream">The bytes of the image from its start; owned by the source from here on, also when opening fails, unless <see cref="DiskOpenOptions.LeaveOpen"/>.</param>
    /// <param name="options">How to open it; without a format it is detected from the first bytes.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The source, which the caller owns.</returns>
    /// <exception cref="DiskFormatException">The stream bears the marks of no format, or of several, or is not valid.</exception>
    /// <exception cref="NotSupportedException">The format needs random access.</exception>
    public static ValueTask<SequentialDiskSource> OpenSequentialAsync(Stream stream, DiskOpenOptions options, CancellationToken cancellationToken = default) =>
        OpenSequentialAsync(stream, options, IoMode.Asynchronous, cancellationToken);

    private static async ValueTask<SequentialDiskSource> OpenSequentialAsync(Stream stream, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(options);
        if (options.Format is { } given)
        {
            return await given.OpenSequentialAsync(stream, options, mode, cancellationToken).ConfigureAwait(false);
        }

        DiskFormat format;
        long? length = stream.CanSeek ? stream.Length - stream.Position : null;
        byte[] prefix = new byte[DiskProbe.MaxHeaderLength];
        int count;
        try
        {
            count = await stream.ReadFullyAsync(prefix, mode, cancellationToken).ConfigureAwait(false);
            format = Choose(DiskFormatRegistry.Default.DetectHeader(prefix.AsSpan(0, count), length ?? long.MaxValue), options);
        }
        catch when (!options.LeaveOpen)
        {
            stream.Dispose();
            throw;
        }

        PrefixedStream whole = new(prefix.AsMemory(0, count), stream, options.LeaveOpen);
        if (format == RawFormat.Instance)
        {
            return new RawStreamSource(whole, length, options.Limits.MaxVirtualSize, false);
        }

        return await format.OpenSequentialAsync(whole, options, mode, cancellationToken).ConfigureAwait(false);
    }

    private static DiskFormat Choose(System.Collections.Generic.IReadOnlyList<DiskFormat> matches, DiskOpenOptions options) => matches.Count switch
    {
        1 => matches[0],
        0 when options.AllowRawFallback => RawFormat.Instance,
        0 => throw new DiskFormatException("The first bytes of the stream bear the marks of no known format. Name the format if it is raw."),
        _ => throw new DiskFormatException($"The first bytes of the stream bear the marks of several formats ({string.Join(", ", matches)}), which no honest image does. Name the format that is meant."),
    };
}
