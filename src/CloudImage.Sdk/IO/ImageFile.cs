using System;
using System.IO;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CloudImage.Sdk.IO;

/// <summary>Opens image files for positional work, and says what kind of file was opened.</summary>
internal static class ImageFile
{
    /// <summary>Opens an existing regular file or block device.</summary>
    /// <param name="path">The path.</param>
    /// <param name="access">Reading, or reading and writing.</param>
    /// <param name="followLinks">Whether the last part of the path may be a symbolic link.</param>
    /// <param name="isBlockDevice">Whether a block device was opened.</param>
    /// <returns>The handle, which the caller owns.</returns>
    /// <exception cref="CloudImageException">A restore in place of the file was cut off, or it is no file that can hold an image.</exception>
    public static SafeFileHandle OpenExisting(string path, FileAccess access, bool followLinks, out bool isBlockDevice) =>
        OpenExisting(path, access, followLinks, false, out isBlockDevice);

    /// <summary>Opens an existing regular file or block device.</summary>
    /// <param name="path">The path.</param>
    /// <param name="access">Reading, or reading and writing.</param>
    /// <param name="followLinks">Whether the last part of the path may be a symbolic link.</param>
    /// <param name="isRestoring">Whether the caller restores in place, and so may open what an earlier restore left half done.</param>
    /// <param name="isBlockDevice">Whether a block device was opened.</param>
    /// <returns>The handle, which the caller owns.</returns>
    public static SafeFileHandle OpenExisting(string path, FileAccess access, bool followLinks, bool isRestoring, out bool isBlockDevice)
    {
        if (!isRestoring)
        {
            RestoreMark.ThrowIfPresent(path);
        }

        if (!OperatingSystem.IsLinux())
        {
            isBlockDevice = false;
            if (!followLinks && new FileInfo(path).LinkTarget is not null)
            {
                throw new CloudImageException($"'{path}' is a link, which is not followed here.");
            }

            return File.OpenHandle(path, FileMode.Open, access, FileShare.ReadWrite | FileShare.Delete);
        }

        // Without blocking: opening a FIFO would wait for its other end before it could be refused.
        int flags = LinuxNative.NonBlock | (access == FileAccess.Read ? LinuxNative.ReadOnly : LinuxNative.ReadWrite) | (followLinks ? 0 : LinuxNative.NoFollow);
        SafeFileHandle file = LinuxNative.Open(path, flags);
        if (file.IsInvalid)
        {
            int error = Marshal.GetLastPInvokeError();
            file.Dispose();
            throw OpenError(path, error);
        }

        try
        {
            ushort type = LinuxNative.TypeOf(file);
            isBlockDevice = type == LinuxNative.BlockDevice;
            if (type is not (LinuxNative.RegularFile or LinuxNative.BlockDevice))
            {
                throw new CloudImageException($"'{path}' is {Describe(type)}; an image is a regular file or a block device. What comes from a pipe is opened as a stream.");
            }

            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>What a file type is called.</summary>
    public static string Describe(ushort type) => type switch
    {
        LinuxNative.Directory => "a folder",
        LinuxNative.Fifo => "a named pipe",
        LinuxNative.BlockDevice => "a block device",
        LinuxNative.RegularFile => "a regular file",
        _ => "a character device or a socket",
    };

    private static Exception OpenError(string path, int error) => error switch
    {
        LinuxNative.ENOENT => new FileNotFoundException($"There is no file '{path}'.", path),
        LinuxNative.ELOOP => new CloudImageException($"'{path}' is a link, which is not followed here."),
        LinuxNative.EISDIR => new CloudImageException($"'{path}' is a folder; an image is a regular file or a block device."),
        _ => LinuxNative.Error($"open '{path}'", error),
    };
}
