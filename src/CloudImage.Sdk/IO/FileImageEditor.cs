using System;
using System.IO;
using Microsoft.Win32.SafeHandles;

namespace CloudImage.Sdk.IO;

/// <summary>Changes an existing image file in place.</summary>
/// <remarks>On Linux it holds the byte locks of qemu: no such process reads or writes the image meanwhile.</remarks>
public sealed class FileImageEditor : ImageEditor
{
    private readonly SafeFileHandle _file;
    private long _length;

    /// <summary>Opens a file.</summary>
    /// <param name="path">An existing regular file or block device; links are followed.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="DiskInUseException">Another process holds the file open, by the byte locks of qemu.</exception>
    /// <exception cref="CloudImageException">It is a folder or a pipe, or cannot be opened.</exception>
    public FileImageEditor(string path)
        : this(path, false)
    {
    }

    private FileImageEditor(string path, bool isRestoring)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        _file = ImageFile.OpenExisting(path, FileAccess.ReadWrite, true, isRestoring, out bool isBlockDevice);
        IsBlockDevice = isBlockDevice;
        try
        {
            ImageLocks.AcquireForWriting(_file, path);
            _length = isBlockDevice ? LinuxNative.BlockDeviceLength(_file) : RandomAccess.GetLength(_file);
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override long Length => _length;

    internal bool IsBlockDevice { get; }

    /// <summary>Opens a file even where a restore in place was cut off: for the restore that ends it.</summary>
    internal static FileImageEditor OpenForRestore(string path) => new(path, true);

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer, long fileOffset)
    {
        int total = 0;
        while (total < buffer.Length)
        {
            int count = RandomAccess.Read(_file, buffer[total..], fileOffset + total);
            if (count == 0)
            {
                break;
            }

            total += count;
        }

        return total;
    }

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer, long fileOffset)
    {
        RandomAccess.Write(_file, buffer, fileOffset);
        _length = Math.Max(_length, fileOffset + buffer.Length);
    }

    /// <inheritdoc/>
    public override void Flush() => RandomAccess.FlushToDisk(_file);

    /// <inheritdoc/>
    public override void SetLength(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        RandomAccess.SetLength(_file, length);
        _length = length;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _file.Dispose();
        base.Dispose(disposing);
    }
}
