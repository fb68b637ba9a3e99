using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.Win32.SafeHandles;

namespace CloudImage.Sdk.IO;

/// <summary>Writes a container onto a block device, in place: its old content is lost from the first write on.</summary>
/// <remarks>
/// <para>The first 4 KiB, by which anything on a device is recognised, are zero from the first write on and are written
/// last, behind a barrier: until <see cref="ImageSink.CompleteAsync(CancellationToken)"/> the device looks empty, not finished.
/// What is never written is zeroed by the device itself where it can (BLKZEROOUT). What lies behind the end of the
/// container stays as it is.</para>
/// <para>On Linux alone. A device that is mounted or otherwise in use is refused by the system.</para>
/// </remarks>
public sealed class BlockDeviceImageSink : ImageSink
{
    private const int HeadLength = 4096;
    private readonly SafeFileHandle _file;
    private readonly string _path;
    private readonly WriteDurability _durability;
    private readonly long _deviceLength;
    private readonly Lock _lock = new();
    private readonly RangeSet _written = new();
    private readonly byte[] _head = new byte[HeadLength];
    private bool _isBegun;
    private long _length;

    /// <summary>Begins a container; the device is not changed yet.</summary>
    /// <param name="path">Path of the device.</param>
    /// <param name="durability">What is promised of it once it is complete.</param>
    /// <exception cref="PlatformNotSupportedException">The system is not Linux.</exception>
    /// <exception cref="CloudImageException">It is no block device, or is in use.</exception>
    public BlockDeviceImageSink(string path, WriteDurability durability)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!OperatingSystem.IsLinux())
        {
            throw new PlatformNotSupportedException("Block devices are written on Linux alone.");
        }

        _path = path;
        _durability = durability;
        _file = LinuxNative.Open(path, LinuxNative.ReadWrite | LinuxNative.Exclusive | LinuxNative.NonBlock);
        if (_file.IsInvalid)
        {
            throw LinuxNative.Error($"open the block device '{path}' for itself (is it mounted?)", System.Runtime.InteropServices.Marshal.GetLastPInvokeError());
        }

        try
        {
            if (LinuxNative.TypeOf(_file) != LinuxNative.BlockDevice)
            {
                throw new CloudImageException($"'{path}' is no block device.");
            }

            ImageLocks.AcquireForWriting(_file, path);
            _deviceLength = LinuxNative.BlockDeviceLength(_file);
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override bool IsLocal => true;

    /// <inheritdoc/>
    public override string Name => Path.GetFileName(_path);

    /// <summary>Whether a path leads to a block device.</summary>
    /// <param name="path">The path; links are followed.</param>
    /// <returns>Whether it is one; never on systems other than Linux.</returns>
    public static bool IsBlockDevice(string path) => OperatingSystem.IsLinux() && LinuxNative.TypeOf(path) == LinuxNative.BlockDevice;

    /// <inheritdoc/>
    protected override void WriteCore(ReadOnlySpan<byte> buffer, long fileOffset)
    {
        if (fileOffset + buffer.Length > _deviceLength)
        {
            throw new CloudImageException($"The device '{_path}' has {_deviceLength} bytes; a write up to byte {fileOffset + buffer.Length} does not fit.");
        }

        lock (_lock)
        {
            Begin();
            _written.Add(fileOffset, buffer.Length);
            _length = Math.Max(_length, fileOffset + buffer.Length);
            if (fileOffset < HeadLength)
            {
                int count = (int)Math.Min(buffer.Length, HeadLength - fileOffset);
                buffer[..count].CopyTo(_head.AsSpan((int)fileOffset));
                buffer = buffer[count..];
                fileOffset += count;
            }
        }

        RandomAccess.Write(_file, buffer, fileOffset);
    }

    /// <inheritdoc/>
    protected override ValueTask WriteCoreAsync(ReadOnlyMemory<byte> buffer, long fileOffset, IoMode mode, CancellationToken cancellationToken)
    {
        if (mode == IoMode.Synchronous)
        {
            WriteCore(buffer.Span, fileOffset);
            return ValueTask.CompletedTask;
        }

        return new ValueTask(Task.Run(() => WriteCore(buffer.Span, fileOffset), cancellationToken));
    }

    /// <inheritdoc/>
    protected override ValueTask FlushCoreAsync(IoMode mode, CancellationToken cancellationToken)
    {
        if (_durability == WriteDurability.None)
        {
            return ValueTask.CompletedTask;
        }

        if (mode == IoMode.Synchronous)
        {
            RandomAccess.FlushToDisk(_file);
            return ValueTask.CompletedTask;
        }

        return new ValueTask(Task.Run(() => RandomAccess.FlushToDisk(_file), cancellationToken));
    }

    /// <inheritdoc/>
    protected override void SetLengthCore(long length)
    {
        if (length > _deviceLength)
        {
            throw new CloudImageException($"The device '{_path}' has {_deviceLength} bytes, and {length} are needed.");
        }

        _length = length;
    }

    /// <inheritdoc/>
    protected override async ValueTask CompleteCoreAsync(IoMode mode, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            Begin();
            foreach ((long offset, long length) in _written.Gaps(_length))
            {
                Zero(Math.Max(offset, HeadLength), offset + length);
            }
        }

        // Everything else first, and only then the bytes by which the content is recognised.
        await FlushCoreAsync(mode, cancellationToken).ConfigureAwait(false);
        RandomAccess.Write(_file, _head.AsSpan(0, (int)Math.Min(HeadLength, _length)), 0);
        await FlushCoreAsync(mode, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _file.Dispose();
        base.Dispose(disposing);
    }

    private void Begin()
    {
        if (_isBegun)
        {
            return;
        }

        _isBegun = true;
        RandomAccess.Write(_file, _head.AsSpan(0, (int)Math.Min(HeadLength, _deviceLength)), 0);
        if (_durability == WriteDurability.Flush)
        {
            RandomAccess.FlushToDisk(_file);
        }
    }

    private void Zero(long offset, long end)
    {
        // The device zeroes whole sectors by itself; the ragged ends, and all of it where it cannot, are written.
        long from = (offset + HeadLength - 1) / HeadLength * HeadLength;
        long to = end / HeadLength * HeadLength;
        if (from < to && LinuxNative.TryDeviceRange(_file, LinuxNative.BlkZeroOut, from, to - from))
        {
            WriteZeroes(offset, from);
            WriteZeroes(to, end);
            return;
        }

        WriteZeroes(offset, end);
    }

    private void WriteZeroes(long offset, long end)
    {
        byte[] zeroes = new byte[(int)Math.Clamp(end - offset, 0, 1 << 20)];
        while (offset < end)
        {
            int count = (int)Math.Min(zeroes.Length, end - offset);
            RandomAccess.Write(_file, zeroes.AsSpan(0, count), offset);
            offset += count;
        }
    }
}
