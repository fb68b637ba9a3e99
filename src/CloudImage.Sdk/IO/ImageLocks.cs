using System;
using Microsoft.Win32.SafeHandles;

namespace CloudImage.Sdk.IO;

/// <summary>The byte locks by which qemu's processes agree who reads and who writes an image file.</summary>
/// <remarks>
/// For each permission bit there are two bytes: at 100 plus its number a user of the permission holds a shared lock, at
/// 200 plus its number one who does not want others to have it. They are locks of the open file description, so that
/// two handles of one process exclude one another as well. Where the file system has no such locks nothing is excluded.
/// </remarks>
internal static class ImageLocks
{
    private const long UsedBase = 100;
    private const long RefusedBase = 200;
    private const int ConsistentRead = 0;
    private const int Write = 1;
    private const int Resize = 3;

    /// <summary>Announces a reader that wants no writer beside it.</summary>
    /// <exception cref="DiskInUseException">There is a writer.</exception>
    public static void AcquireForReading(SafeFileHandle file, string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        // First announce, then look: of two who do so at once at least one sees the other.
        LinuxNative.TryLockShared(file, UsedBase + ConsistentRead);
        LinuxNative.TryLockShared(file, RefusedBase + Write);
        LinuxNative.TryLockShared(file, RefusedBase + Resize);
        if (LinuxNative.IsLockedByOther(file, UsedBase + Write) || LinuxNative.IsLockedByOther(file, UsedBase + Resize)
            || LinuxNative.IsLockedByOther(file, RefusedBase + ConsistentRead))
        {
            throw new DiskInUseException($"Another process holds '{path}' open for writing (a running guest, perhaps), so that what is read may be torn. Stop it, or have locks ignored.") { IsTransient = true };
        }
    }

    /// <summary>Announces a writer that wants no other reader or writer beside it.</summary>
    /// <exception cref="DiskInUseException">Another holds the image.</exception>
    public static void AcquireForWriting(SafeFileHandle file, string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        foreach (int permission in (ReadOnlySpan<int>)[ConsistentRead, Write, Resize])
        {
            LinuxNative.TryLockShared(file, UsedBase + permission);
            LinuxNative.TryLockShared(file, RefusedBase + permission);
        }

        foreach (int permission in (ReadOnlySpan<int>)[ConsistentRead, Write, Resize])
        {
            if (LinuxNative.IsLockedByOther(file, UsedBase + permission) || LinuxNative.IsLockedByOther(file, RefusedBase + permission))
            {
                throw new DiskInUseException($"Another process holds '{path}' open, so that it cannot be changed. Close it there first.") { IsTransient = true };
            }
        }
    }
}
