using System;
using System.IO;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using Microsoft.Win32.SafeHandles;

namespace CloudImage.Sdk.Disks;

/// <summary>The bytes of a local file or block device: a container for the formats, and itself a raw disk.</summary>
/// <remarks>
/// <para>Thread-safe. Reads are positional; holes of a file are found with SEEK_DATA and SEEK_HOLE on Linux, elsewhere
/// everything counts as data. The length is that of the moment of opening.</para>
/// <para>On Linux the disk takes part in the byte locks of qemu: while it is open, such a process cannot open the file
/// for writing.</para>
/// </remarks>
public sealed class FileDisk : VirtualDisk
{
    private readonly SafeFileHandle _file;
    private readonly string _name;
    private readonly bool _leaveOpen;
    private readonly bool _hasHoles;

    private FileDisk(SafeFileHandle file, string name, bool isBlockDevice, bool leaveOpen)
    {
        _file = file;
        _name = name;
        _leaveOpen = leaveOpen;
        _hasHoles = OperatingSystem.IsLinux() && !isBlockDevice;
        Length = isBlockDevice ? LinuxNative.BlockDeviceLength(file) : RandomAccess.GetLength(file);
        Info = new DiskInfo
        {
            FormatName = "raw",
            Variant = isBlockDevice ? "device" : null,
            VirtualSize = Length,
            ContainerLength = Length,
            LogicalSectorSize = isBlockDevice ? LinuxNative.BlockDeviceNumber(file, LinuxNative.BlkSectorSize) : 512,
            PhysicalSectorSize = isBlockDevice ? LinuxNative.BlockDeviceNumber(file, LinuxNative.BlkPhysicalSectorSize) : 512,
        };
    }

    /// <inheritdoc/>
    public override DiskInfo Info { get; }

    /// <inheritdoc/>
    public override long Length { get; }

    /// <inheritdoc/>
    public override bool IsLocal => true;

    /// <summary>Path of the file, as it was opened; a name for messages where a stream was wrapped.</summary>
    public string Path => _name;

    /// <summary>The open file, for copies inside the kernel.</summary>
    internal SafeFileHandle Handle => _file;

    /// <summary>Opens a regular file or a block device for reading.</summary>
    /// <param name="path">Its path; links are followed.</param>
    /// <returns>The disk, which the caller owns.</returns>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="DiskInUseException">Another process holds the file open for writing, by the byte locks of qemu.</exception>
    /// <exception cref="CloudImageException">It is a folder or a pipe, or cannot be opened.</exception>
    public static FileDisk Open(string path) => Open(path, false);

    /// <summary>Opens a regular file or a block device for reading.</summary>
    /// <param name="path">Its path; links are followed.</param>
    /// <param name="ignoreLocks">Whether a file that another process holds open for writing is opened all the same.</param>
    /// <returns>The disk, which the caller owns.</returns>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="DiskInUseException">Another process holds the file open for writing, by the byte locks of qemu.</exception>
    /// <exception cref="CloudImageException">It is a folder or a pipe, or cannot be opened.</exception>
    public static FileDisk Open(string path, bool ignoreLocks) => Open(path, ignoreLocks, true, true);

    /// <summary>Wraps an open file stream; the stream's own position stays untouched.</summary>
    internal static FileDisk Wrap(FileStream stream, bool leaveOpen) => new(stream.SafeFileHandle, stream.Name, false, leaveOpen);

    /// <summary>Wraps an open handle, which the disk owns.</summary>
    internal static FileDisk Wrap(SafeFileHandle file, string name) => new(file, name, false, false);

    internal static FileDisk Open(string path, bool ignoreLocks, bool followLinks, bool allowDevices)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        SafeFileHandle file = ImageFile.OpenExisting(path, FileAccess.Read, followLinks, out bool isBlockDevice);
        try
        {
            if (isBlockDevice && !allowDevices)
            {
                throw new CloudImageException($"'{path}' is a block device, and a regular file is wanted here.");
            }

            if (!ignoreLocks)
            {
                ImageLocks.AcquireForReading(file, path);
            }

            return new FileDisk(file, path, isBlockDevice, false);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    protected override int ReadCore(Span<byte> buffer, long offset)
    {
        int total = 0;
        while (total < buffer.Length)
        {
            int count = RandomAccess.Read(_file, buffer[total..], offset + total);
            total += count > 0 ? count : throw Shrunk(offset + total);
        }

        return total;
    }

    /// <inheritdoc/>
    protected override async ValueTask<int> ReadCoreAsync(Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        if (mode == IoMode.Synchronous)
        {
            return ReadCore(buffer.Span, offset);
        }

        int total = 0;
        while (total < buffer.Length)
        {
            int count = await RandomAccess.ReadAsync(_file, buffer[total..], offset + total, cancellationToken).ConfigureAwait(false);
            total += count > 0 ? count : throw Shrunk(offset + total);
        }

        return total;
    }

    /// <inheritdoc/>
    protected override ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken) =>
        ValueTask.FromResult(Locate(offset, length));

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!_leaveOpen)
        {
            _file.Dispose();
        }

        base.Dispose(disposing);
    }

    private DiskPlacement Locate(long offset, long length)
    {
        if (!_hasHoles)
        {
            return Data(offset, length);
        }

        long data = LinuxNative.Seek(_file, offset, LinuxNative.SeekData);
        if (data < 0)
        {
            // ENXIO: a hole up to the end. Any other error means that the file system has no answer: then all is data.
            return Marshal.GetLastPInvokeError() == LinuxNative.ENXIO ? Hole(offset, length) : Data(offset, length);
        }

        if (data > offset)
        {
            return Hole(offset, Math.Min(length, data - offset));
        }

        long hole = LinuxNative.Seek(_file, offset, LinuxNative.SeekHole);
        return Data(offset, hole > offset ? Math.Min(length, hole - offset) : length);
    }

    // A hole of a raw file is zero whatever lies under the file: raw hides its parents.
    private static DiskPlacement Hole(long offset, long length) => new(offset, length, DiskExtentKind.Zero);

    private DiskPlacement Data(long offset, long length) => new(offset, length, DiskExtentKind.Data, offset, this, 0, false, 0);

    private CloudImageException Shrunk(long offset) =>
        new($"'{_name}' ended at byte {offset} although it was {Length} bytes long when it was opened: it was cut while it was read.");
}
