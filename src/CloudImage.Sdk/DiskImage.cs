using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk;

/// <summary>Opens, inspects and creates disk images of every format: the place to start.</summary>
/// <remarks>
/// <para>The format is detected from header and footer unless it is named. A file in which nothing is recognised is taken
/// as raw content, which has no marks; <see cref="DiskOpenOptions.AllowRawFallback"/> switches that off. A file that
/// bears the marks of several formats, or of one that is known and not supported, is refused.</para>
/// <para>Files that an image names (parents, extents) are opened only through <see cref="DiskOpenOptions.References"/>.</para>
/// <para>Every member is thread-safe.</para>
/// </remarks>
public static partial class DiskImage
{
    /// <summary>Detects the format of a file.</summary>
    /// <param name="path">Path of a regular file or block device.</param>
    /// <returns>The format; null where none is recognised, as in raw content, or more than one.</returns>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static DiskFormat? DetectFormat(string path)
    {
        using FileDisk container = FileDisk.Open(path, true);
        return DetectFormat(container);
    }

    /// <summary>Detects the format of a container.</summary>
    /// <param name="container">The bytes; left open.</param>
    /// <returns>The format; null where none is recognised, as in raw content, or more than one.</returns>
    public static DiskFormat? DetectFormat(VirtualDisk container)
    {
        IReadOnlyList<DiskFormat> matches = DiskFormatRegistry.Default.Detect(container);
        return matches.Count == 1 ? matches[0] : null;
    }

    /// <summary>Reads the headers of a file and lists every reason for refusing it as untrusted. Opens no other file.</summary>
    /// <param name="path">Path of a regular file or block device.</param>
    /// <param name="options">The format, where it is known, and what reading may cost.</param>
    /// <returns>What was found. Damage is reported in it, not thrown.</returns>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="DiskInUseException">Another process holds it open for writing.</exception>
    public static DiskInspection Inspect(string path, DiskOpenOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        using FileDisk container = FileDisk.Open(path, options.IgnoreLocks);
        return Inspect(container, options);
    }

    /// <summary>Reads the headers of a container and lists every reason for refusing it as untrusted. Opens no other file.</summary>
    /// <param name="container">The bytes; left open.</param>
    /// <param name="options">The format, where it is known, and what reading may cost.</param>
    /// <returns>What was found. Damage is reported in it, not thrown.</returns>
    public static DiskInspection Inspect(VirtualDisk container, DiskOpenOptions options)
    {
        ArgumentNullException.ThrowIfNull(container);
        ArgumentNullException.ThrowIfNull(options);
        return SyncBridge.Completed(DiskInspector.InspectAsync(container, options, IoMode.Synchronous, CancellationToken.None));
    }

    /// <summary>Reads the headers of a file and lists every reason for refusing it as untrusted. Opens no other file.</summary>
    /// <param name="path">Path of a regular file or block device.</param>
    /// <param name="options">The format, where it is known, and what reading may cost.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>What was found. Damage is reported in it, not thrown.</returns>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="DiskInUseException">Another process holds it open for writing.</exception>
    public static async ValueTask<DiskInspection> InspectAsync(string path, DiskOpenOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        using FileDisk container = FileDisk.Open(path, options.IgnoreLocks);
        return await InspectAsync(container, options, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads the headers of a container and lists every reason for refusing it as untrusted. Opens no other file.</summary>
    /// <param name="container">The bytes; left open.</param>
    /// <param name="options">The format, where it is known, and what reading may cost.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>What was found. Damage is reported in it, not thrown.</returns>
    public static ValueTask<DiskInspection> InspectAsync(VirtualDisk container, DiskOpenOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(container);
        ArgumentNullException.ThrowIfNull(options);
        return DiskInspector.InspectAsync(container, options, IoMode.Asynchronous, cancellationToken);
    }

    /// <summary>Opens an image file or block device with the default options.</summary>
    /// <param name="path">Its path.</param>
    /// <returns>The disk, which the caller owns.</returns>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="CloudImageException">It cannot be opened as an image; see <see cref="Open(string, DiskOpenOptions)"/>.</exception>
    public static VirtualDisk Open(string path) => Open(path, DiskOpenOptions.Default);

    /// <summary>Opens an image file or block device.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="options">How to open it.</param>
    /// <returns>The disk, which the caller owns.</returns>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="DiskInUseException">Another process holds it open for writing.</exception>
    /// <exception cref="DiskFormatException">It is damaged, or no single format was recognised.</exception>
    /// <exception cref="UnsupportedDiskFeatureException">Its format, or a feature in it, is not supported.</exception>
    /// <exception cref="DiskReferenceException">A file that it names cannot be used.</exception>
    public static VirtualDisk Open(string path, DiskOpenOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return SyncBridge.Completed(OpenAsync(FileDisk.Open(path, options.IgnoreLocks), options.Owning(), IoMode.Synchronous, CancellationToken.None));
    }

    /// <summary>Opens an image in a container.</summary>
    /// <param name="container">The bytes; owned by the disk from here on, also when opening fails, unless <see cref="DiskOpenOptions.LeaveOpen"/>.</param>
    /// <param name="options">How to open it.</param>
    /// <returns>The disk, which the caller owns.</returns>
    /// <exception cref="DiskFormatException">It is damaged, or no single format was recognised.</exception>
    /// <exception cref="UnsupportedDiskFeatureException">Its format, or a feature in it, is not supported.</exception>
    /// <exception cref="DiskReferenceException">A file that it names cannot be used.</exception>
    public static VirtualDisk Open(VirtualDisk container, DiskOpenOptions options)
    {
        ArgumentNullException.ThrowIfNull(container);
        ArgumentNullException.ThrowIfNull(options);
        return SyncBridge.Completed(OpenAsync(container, options, IoMode.Synchronous, CancellationToken.None));
    }

    /// <summary>Opens an image in a stream. A stream that cannot seek is first kept, without its zeros, in a nameless temporary file.</summary>
    /// <param name="stream">The bytes from the start of the stream, or from here on where it cannot seek; owned by the disk, unless <see cref="DiskOpenOptions.LeaveOpen"/>.</param>
    /// <param name="options">How to open it.</param>
    /// <returns>The disk, which the caller owns.</returns>
    /// <exception cref="DiskFormatException">It is damaged, or no single format was recognised.</exception>
    /// <exception cref="UnsupportedDiskFeatureException">Its format, or a feature in it, is not supported.</exception>
    /// <exception cref="DiskReferenceException">A file that it names cannot be used.</exception>
    public static VirtualDisk Open(Stream stream, DiskOpenOptions options)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(options);
        return SyncBridge.Completed(OpenAsync(stream, options, IoMode.Synchronous, CancellationToken.None));
    }

    /// <summary>Opens an image file or block device.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="options">How to open it.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The disk, which the caller owns.</returns>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="DiskInUseException">Another process holds it open for writing.</exception>
    /// <exception cref="DiskFormatException">It is damaged, or no single format was recognised.</exception>
    /// <exception cref="UnsupportedDiskFeatureException">Its format, or a feature in it, is not supported.</exception>
    /// <exception cref="DiskReferenceException">A file that it names cannot be used.</exception>
    public static ValueTask<VirtualDisk> OpenAsync(string path, DiskOpenOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        return OpenAsync(FileDisk.Open(path, options.IgnoreLocks), options.Owning(), IoMode.Asynchronous, cancellationToken);
    }

    /// <summary>Opens an image in a container.</summary>
    /// <param name="container">The bytes; owned by the disk from here on, also when opening fails, unless <see cref="DiskOpenOptions.LeaveOpen"/>.</param>
    /// <param name="options">How to open it.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The disk, which the caller owns.</returns>
    /// <exception cref="DiskFormatException">It is damaged, or no single format was recognised.</exception>
    /// <exception cref="UnsupportedDiskFeatureException">Its format, or a feature in it, is not supported.</exception>
    /// <exception cref="DiskReferenceException">A file that it names cannot be used.</exception>
    public static ValueTask<VirtualDisk> OpenAsync(VirtualDisk container, DiskOpenOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(container);
        ArgumentNullException.ThrowIfNull(options);
        return OpenAsync(container, options, IoMode.Asynchronous, cancellationToken);
    }

    /// <summary>Opens an image in a stream. A stream that cannot seek is first kept, without its zeros, in a nameless temporary file.</summary>
    /// <param name="stream">The bytes from the start of the stream, or from here on where it cannot seek; owned by the disk, unless <see cref="DiskOpenOptions.LeaveOpen"/>.</param>
    /// <param name="options">How to open it.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The disk, which the caller owns.</returns>
    /// <exception cref="DiskFormatException">It is damaged, or no single format was recognised.</exception>
    /// <exception cref="UnsupportedDiskFeatureException">Its format, or a feature in it, is not supported.</exception>
    /// <exception cref="DiskReferenceException">A file that it names cannot be used.</exception>
    public static ValueTask<VirtualDisk> OpenAsync(Stream stream, DiskOpenOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(options);
        return OpenAsync(stream, options, IoMode.Asynchronous, cancellationToken);
    }

    /// <summary>Begins a new image in a file that appears complete or not at all, and durable; see <see cref="FileImageSink"/>.</summary>
    /// <param name="path">Where it is to appear; an existing file is replaced. A block device is written in place, see <see cref="BlockDeviceImageSink"/>.</param>
    /// <param name="length">Length of the disk in bytes.</param>
    /// <param name="options">Format and variant, such as <c>new Qcow2Options()</c>.</param>
    /// <returns>The writer, which the caller owns.</returns>
    /// <exception cref="ArgumentException">The options are not valid together with the length.</exception>
    /// <exception cref="NotSupportedException">The format is read only.</exception>
    public static DiskWriter Create(string path, long length, DiskCreateOptions options) =>
        Create(path, length, options, WriteDurability.Flush);

    /// <summary>Begins a new image in a file that appears complete or not at all; see <see cref="FileImageSink"/>.</summary>
    /// <param name="path">Where it is to appear; an existing file is replaced. A block device is written in place, see <see cref="BlockDeviceImageSink"/>.</param>
    /// <param name="length">Length of the disk in bytes.</param>
    /// <param name="options">Format and variant, such as <c>new Qcow2Options()</c>.</param>
    /// <param name="durability">What is promised of it once it is complete.</param>
    /// <returns>The writer, which the caller owns.</returns>
    /// <exception cref="ArgumentException">The options are not valid together with the length.</exception>
    /// <exception cref="NotSupportedException">The format is read only.</exception>
    public static DiskWriter Create(string path, long length, DiskCreateOptions options, WriteDurability durability)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ImageSink sink = BlockDeviceImageSink.IsBlockDevice(path) ? new BlockDeviceImageSink(path, durability) : new FileImageSink(path, durability);
        return options.Format.Create(sink, length, options);
    }

    /// <summary>Begins a new image in a stream that only goes forward, for the formats that can be written so.</summary>
    /// <param name="stream">What takes the bytes; left open.</param>
    /// <param name="length">Length of the disk in bytes.</param>
    /// <param name="options">Format and variant.</param>
    /// <returns>The writer, which the caller owns.</returns>
    /// <exception cref="ArgumentException">The options are not valid together with the length.</exception>
    /// <exception cref="NotSupportedException">The format is read only, or cannot be written front to back.</exception>
    public static DiskWriter Create(Stream stream, long length, DiskCreateOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        return options.Format.Create(new StreamImageSink(stream, true), length, options);
    }

    internal static async ValueTask<VirtualDisk> OpenAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        DiskFormat format;
        try
        {
            format = await DiskDetection.ChooseAsync(container, options, mode, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            if (!options.LeaveOpen)
            {
                container.Dispose();
            }

            throw;
        }

        return await format.OpenAsync(container, options, mode, cancellationToken).ConfigureAwait(false);
    }

    private static async ValueTask<VirtualDisk> OpenAsync(Stream stream, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        VirtualDisk container = await WrapAsync(stream, options.LeaveOpen, mode, cancellationToken).ConfigureAwait(false);
        return await OpenAsync(container, options.Owning(), mode, cancellationToken).ConfigureAwait(false);
    }

    private static async ValueTask<VirtualDisk> WrapAsync(Stream stream, bool leaveOpen, IoMode mode, CancellationToken cancellationToken)
    {
        if (stream.CanSeek)
        {
            return stream is FileStream file ? FileDisk.Wrap(file, leaveOpen) : new StreamDisk(stream, leaveOpen);
        }

        try
        {
            return FileDisk.Wrap(await Spool.TakeAsync(stream, mode, cancellationToken).ConfigureAwait(false), "(stream)");
        }
        finally
        {
            if (!leaveOpen && mode == IoMode.Synchronous)
            {
                stream.Dispose();
            }
            else if (!leaveOpen)
            {
                await stream.DisposeAsync().ConfigureAwait(false);
            }
        }
    }
}
