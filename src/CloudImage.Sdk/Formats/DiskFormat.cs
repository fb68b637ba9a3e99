using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats;

/// <summary>A disk image format: recognises, opens, checks and creates containers.</summary>
/// <remarks>Stateless and thread-safe; every format has one instance.</remarks>
public abstract class DiskFormat
{
    /// <summary>The name by which options, reports and the command line call it, such as "qcow2".</summary>
    public abstract string Name { get; }

    /// <summary>One line for a person.</summary>
    public abstract string Description { get; }

    /// <summary>Usual file extensions with their dot, the most usual first.</summary>
    public abstract IReadOnlyList<string> FileExtensions { get; }

    /// <summary>Whether images can be read; where not, the format is recognised only to be named when its files are refused.</summary>
    public virtual bool CanOpen => true;

    /// <summary>Whether new images can be made.</summary>
    public virtual bool CanCreate => false;

    /// <summary>Whether <see cref="Check"/> knows the format's metadata.</summary>
    public virtual bool CanCheck => false;

    /// <summary>Whether <see cref="Resize"/> can change the length of an existing image.</summary>
    public virtual bool CanResize => false;

    /// <summary>Whether images can be read from a stream that only goes forward: see <see cref="OpenSequential"/>.</summary>
    public virtual bool CanReadSequentially => false;

    /// <summary>Whether a container looks like this format. Reads nothing but the probe.</summary>
    /// <param name="probe">Header, footer and length of the container.</param>
    /// <returns>Whether the marks of the format are there; opening may still find it damaged.</returns>
    public abstract bool IsMatch(in DiskProbe probe);

    /// <summary>Opens an image, with its parents where <see cref="DiskOpenOptions.References"/> opens them.</summary>
    /// <param name="container">The bytes of the image; owned by the disk from here on, also when opening fails, unless <see cref="DiskOpenOptions.LeaveOpen"/>.</param>
    /// <param name="options">How to open it; <see cref="DiskOpenOptions.Format"/> is not looked at.</param>
    /// <returns>The disk, which the caller owns.</returns>
    /// <exception cref="DiskFormatException">The container is not a valid image of this format.</exception>
    /// <exception cref="UnsupportedDiskFeatureException">The image uses a feature that is not supported.</exception>
    /// <exception cref="DiskReferenceException">A file that the image names cannot be used.</exception>
    public VirtualDisk Open(VirtualDisk container, DiskOpenOptions options) =>
        SyncBridge.Completed(OpenAsync(container, options, IoMode.Synchronous, CancellationToken.None));

    /// <summary>Opens an image, with its parents where <see cref="DiskOpenOptions.References"/> opens them.</summary>
    /// <param name="container">The bytes of the image; owned by the disk from here on, also when opening fails, unless <see cref="DiskOpenOptions.LeaveOpen"/>.</param>
    /// <param name="options">How to open it; <see cref="DiskOpenOptions.Format"/> is not looked at.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The disk, which the caller owns.</returns>
    /// <exception cref="DiskFormatException">The container is not a valid image of this format.</exception>
    /// <exception cref="UnsupportedDiskFeatureException">The image uses a feature that is not supported.</exception>
    /// <exception cref="DiskReferenceException">A file that the image names cannot be used.</exception>
    public ValueTask<VirtualDisk> OpenAsync(VirtualDisk container, DiskOpenOptions options, CancellationToken cancellationToken = default) =>
        OpenAsync(container, options, IoMode.Asynchronous, cancellationToken);

    /// <summary>Opens an image that comes from a stream which only goes forward, such as a pipe.</summary>
    /// <param name="stream">The bytes of the image from its start; owned by the source from here on, also when opening fails, unless <see cref="DiskOpenOptions.LeaveOpen"/>.</param>
    /// <param name="options">How to open it; <see cref="DiskOpenOptions.Format"/> is not looked at.</param>
    /// <returns>The source, which the caller owns.</returns>
    /// <exception cref="DiskFormatException">The stream does not hold a valid image of this format.</exception>
    /// <exception cref="UnsupportedDiskFeatureException">The image uses a feature that is not supported, or one that needs random access.</exception>
    /// <exception cref="NotSupportedException">The format needs random access: see <see cref="CanReadSequentially"/>.</exception>
    public SequentialDiskSource OpenSequential(Stream stream, DiskOpenOptions options) =>
        SyncBridge.Completed(OpenSequentialAsync(stream, options, IoMode.Synchronous, CancellationToken.None));

    /// <summary>Opens an image that comes from a stream which only goes forward, such as a pipe.</summary>
    /// <param name="stream">The bytes of the image from its start; owned by the source from here on, also when opening fails, unless <see cref="DiskOpenOptions.LeaveOpen"/>.</param>
    /// <param name="options">How to open it; <see cref="DiskOpenOptions.Format"/> is not looked at.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The source, which the caller owns.</returns>
    /// <exception cref="DiskFormatException">The stream does not hold a valid image of this format.</exception>
    /// <exception cref="UnsupportedDiskFeatureException">The image uses a feature that is not supported, or one that needs random access.</exception>
    /// <exception cref="NotSupportedException">The format needs random access: see <see cref="CanReadSequentially"/>.</exception>
    public ValueTask<SequentialDiskSource> OpenSequentialAsync(Stream stream, DiskOpenOptions options, CancellationToken cancellationToken = default) =>
        OpenSequentialAsync(stream, options, IoMode.Asynchronous, cancellationToken);

    /// <summary>Begins a new image.</summary>
    /// <param name="sink">What its bytes are written to; owned by the writer from here on, also when this fails.</param>
    /// <param name="length">Length of the disk in bytes.</param>
    /// <param name="options">How to make it; of the class that belongs to this format.</param>
    /// <returns>The writer, which the caller owns.</returns>
    /// <exception cref="ArgumentException">The options are of another format, or not valid together with the length.</exception>
    /// <exception cref="NotSupportedException">The format is read only: see <see cref="CanCreate"/>; or the sink is sequential and the variant cannot be.</exception>
    public DiskWriter Create(ImageSink sink, long length, DiskCreateOptions options)
    {
        ArgumentNullException.ThrowIfNull(sink);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        try
        {
            DiskWriter writer = CreateCore(sink, length, options);
            writer.Sink = sink;
            return writer;
        }
        catch
        {
            sink.Dispose();
            throw;
        }
    }

    /// <summary>Makes creation options from named settings, with the names, values and defaults of qemu-img where it has the format.</summary>
    /// <param name="settings">Names and values; an empty set gives the defaults.</param>
    /// <returns>The options.</returns>
    /// <exception cref="ArgumentException">A name or a value is not known; the message lists those that are.</exception>
    /// <exception cref="NotSupportedException">The format is read only.</exception>
    public virtual DiskCreateOptions ParseOptions(IReadOnlyDictionary<string, string> settings) =>
        throw new NotSupportedException($"The format {Name} is read only.");

    /// <summary>Checks the metadata of one image, without its parents: every table, and what it points to.</summary>
    /// <param name="container">The bytes of the image; left open.</param>
    /// <param name="options">How to open it.</param>
    /// <returns>The problems found, each with its place.</returns>
    /// <exception cref="DiskFormatException">The header itself cannot be read, so that nothing can be checked.</exception>
    /// <exception cref="NotSupportedException">The format has no check: see <see cref="CanCheck"/>.</exception>
    public DiskCheckResult Check(VirtualDisk container, DiskOpenOptions options)
    {
        ArgumentNullException.ThrowIfNull(container);
        ArgumentNullException.ThrowIfNull(options);
        return SyncBridge.Completed(CheckCoreAsync(container, options, IoMode.Synchronous, CancellationToken.None));
    }

    /// <summary>Checks the metadata of one image, without its parents: every table, and what it points to.</summary>
    /// <param name="container">The bytes of the image; left open.</param>
    /// <param name="options">How to open it.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The problems found, each with its place.</returns>
    /// <exception cref="DiskFormatException">The header itself cannot be read, so that nothing can be checked.</exception>
    /// <exception cref="NotSupportedException">The format has no check: see <see cref="CanCheck"/>.</exception>
    public ValueTask<DiskCheckResult> CheckAsync(VirtualDisk container, DiskOpenOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(container);
        ArgumentNullException.ThrowIfNull(options);
        return CheckCoreAsync(container, options, IoMode.Asynchronous, cancellationToken);
    }

    /// <summary>Changes the length of an image's disk in place, in the format's own crash order: a crash leaves the old or the new disk.</summary>
    /// <param name="image">The container; one user at a time.</param>
    /// <param name="length">The new length of the disk in bytes.</param>
    /// <param name="options">Whether data may be lost, and what reading may cost.</param>
    /// <exception cref="DiskFormatException">The container is not valid.</exception>
    /// <exception cref="InvalidOperationException">Data lies behind the new end and <see cref="DiskResizeOptions.AllowDataLoss"/> is not set, or the image cannot be resized as it is.</exception>
    /// <exception cref="NotSupportedException">The format cannot be resized: see <see cref="CanResize"/>.</exception>
    public void Resize(ImageEditor image, long length, DiskResizeOptions options)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        ResizeCore(image, length, options);
    }

    /// <inheritdoc/>
    public override string ToString() => Name;

    internal async ValueTask<VirtualDisk> OpenAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(container);
        ArgumentNullException.ThrowIfNull(options);
        return await ReferenceChain.OpenAsync(this, container, options, mode, cancellationToken).ConfigureAwait(false);
    }

    internal async ValueTask<SequentialDiskSource> OpenSequentialAsync(Stream stream, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(options);
        try
        {
            return await OpenSequentialCoreAsync(stream, options, mode, cancellationToken).ConfigureAwait(false);
        }
        catch when (!options.LeaveOpen)
        {
            stream.Dispose();
            throw;
        }
    }

    internal ValueTask<DiskCheckResult> CheckAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken) =>
        CheckCoreAsync(container, options, mode, cancellationToken);

    internal ValueTask<VirtualDisk> OpenLayerAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken) =>
        OpenCoreAsync(container, options, mode, cancellationToken);

    /// <summary>Opens one image by itself; parents are the base class's work. On failure the caller disposes the container.</summary>
    /// <param name="container">The bytes of the image; owned by the disk that is returned, unless <see cref="DiskOpenOptions.LeaveOpen"/>.</param>
    /// <param name="options">How to open it.</param>
    /// <param name="mode">How to work; with <see cref="IoMode.Synchronous"/> the returned task is complete.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The disk: unmapped ranges are left to the parent.</returns>
    protected abstract ValueTask<VirtualDisk> OpenCoreAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken);

    /// <summary>Opens an image that comes from a stream which only goes forward. On failure the caller disposes the stream.</summary>
    /// <param name="stream">The bytes of the image from its start; owned by the source that is returned, unless <see cref="DiskOpenOptions.LeaveOpen"/>.</param>
    /// <param name="options">How to open it.</param>
    /// <param name="mode">How to work; with <see cref="IoMode.Synchronous"/> the returned task is complete.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The source.</returns>
    protected virtual ValueTask<SequentialDiskSource> OpenSequentialCoreAsync(Stream stream, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken) =>
        throw new NotSupportedException($"The format {Name} needs random access and cannot be read from a pipe; store the image in a file first.");

    /// <summary>Begins a new image. On failure the caller disposes the sink.</summary>
    /// <param name="sink">What its bytes are written to.</param>
    /// <param name="length">Length of the disk in bytes.</param>
    /// <param name="options">How to make it.</param>
    /// <returns>The writer, which owns the sink.</returns>
    protected virtual DiskWriter CreateCore(ImageSink sink, long length, DiskCreateOptions options) =>
        throw new NotSupportedException($"The format {Name} is read only.");

    /// <summary>Checks the metadata of one image.</summary>
    /// <param name="container">The bytes of the image; left open.</param>
    /// <param name="options">How to open it.</param>
    /// <param name="mode">How to work.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The problems found.</returns>
    protected virtual ValueTask<DiskCheckResult> CheckCoreAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken) =>
        throw new NotSupportedException($"The format {Name} has no metadata that could be checked.");

    /// <summary>Changes the length of an image's disk in place.</summary>
    /// <param name="image">The container.</param>
    /// <param name="length">The new length of the disk in bytes.</param>
    /// <param name="options">Whether data may be lost, and what reading may cost.</param>
    protected virtual void ResizeCore(ImageEditor image, long length, DiskResizeOptions options) =>
        throw new NotSupportedException($"An image of the format {Name} cannot be resized in place. Convert it to a new one.");

    /// <summary>Adds this format's reasons for refusing an image as untrusted; references, encryption and dirt are the base's work.</summary>
    /// <param name="disk">The image, opened without its parents.</param>
    /// <param name="container">The bytes of the image.</param>
    /// <param name="concerns">Takes the reasons.</param>
    /// <param name="mode">How to work.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task that ends when all are added.</returns>
    protected internal virtual ValueTask AddConcernsAsync(VirtualDisk disk, VirtualDisk container, ICollection<DiskConcern> concerns, IoMode mode, CancellationToken cancellationToken) =>
        ValueTask.CompletedTask;
}
