using System;
using System.IO;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CloudImage.Sdk.IO;

/// <summary>The calls of Linux that the base class library does not offer. Used only where <see cref="OperatingSystem.IsLinux"/>.</summary>
internal static partial class LinuxNative
{
    public const int ENOENT = 2;
    public const int ENXIO = 6;
    public const int EISDIR = 21;
    public const int ELOOP = 40;

    public const int SeekData = 3;
    public const int SeekHole = 4;

    public const int ReadOnly = 0;
    public const int ReadWrite = 2;
    public const int Create = 0x40;
    public const int Exclusive = 0x80;
    public const int NonBlock = 0x800;
    public const int CloseOnExec = 0x80000;

    public const uint BlkDiscard = 0x1277;
    public const uint BlkZeroOut = 0x127f;
    public const uint BlkGetSize64 = 0x80081272;
    public const uint BlkSectorSize = 0x1268;
    public const uint BlkPhysicalSectorSize = 0x127b;

    public const short ReadLock = 0;
    public const short WriteLock = 1;
    public const short Unlocked = 2;

    public const ushort FileTypeMask = 0xf000;
    public const ushort RegularFile = 0x8000;
    public const ushort BlockDevice = 0x6000;
    public const ushort Directory = 0x4000;
    public const ushort Fifo = 0x1000;

    private const int OfdGetLock = 36;
    private const int OfdSetLock = 37;
    private const int WorkingDirectory = -100;
    private const int EmptyPath = 0x1000;
    private const int KeepSize = 1;

    // The flag whose value differs between the processor families.
    private static readonly bool s_isArm = RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm;

    public static int NoFollow => s_isArm ? 0x8000 : 0x20000;

    /// <summary>Opens a path; the handle is invalid where that fails, and the error is the last one of the platform.</summary>
    public static SafeFileHandle Open(string path, int flags) => new(open(path, flags | CloseOnExec, 0x1b6), true);

    /// <summary>Finds the next data or hole at or behind a position; -1 where there is none, with the last error set.</summary>
    public static long Seek(SafeFileHandle file, long offset, int whence) => lseek(file, offset, whence);

    /// <summary>Sets blocks aside for a range that is about to be written, without changing the file's length; false where that fails.</summary>
    public static bool TryReserve(SafeFileHandle file, long offset, long length) => fallocate(file, KeepSize, offset, length) == 0;

    /// <summary>The file type bits of a mode, by handle.</summary>
    public static ushort TypeOf(SafeFileHandle file)
    {
        StatX status = default;
        ThrowOnError(statx(file.DangerousGetHandle().ToInt32(), string.Empty, EmptyPath, 1, ref status), "statx");
        return (ushort)(status.Mode & FileTypeMask);
    }

    /// <summary>The file type bits of what a path leads to, links followed; null where there is nothing.</summary>
    public static ushort? TypeOf(string path)
    {
        StatX status = default;
        return statx(WorkingDirectory, path, 0, 1, ref status) == 0 ? (ushort)(status.Mode & FileTypeMask) : null;
    }

    public static long BlockDeviceLength(SafeFileHandle file)
    {
        long length = 0;
        ThrowOnError(ioctl(file, BlkGetSize64, ref length), "BLKGETSIZE64");
        return length;
    }

    public static int BlockDeviceNumber(SafeFileHandle file, uint request)
    {
        long value = 0;
        ThrowOnError(ioctl(file, request, ref value), "BLKSSZGET");
        return (int)value;
    }

    /// <summary>Lets the device forget or zero a range; false where it cannot.</summary>
    public static unsafe bool TryDeviceRange(SafeFileHandle file, uint request, long offset, long length)
    {
        long* range = stackalloc long[] { offset, length };
        return ioctl(file, request, ref *range) == 0;
    }

    /// <summary>Takes a shared lock on one byte of the open file; false where another holds it or locks are not supported.</summary>
    public static bool TryLockShared(SafeFileHandle file, long offset)
    {
        FileLock request = new() { Type = ReadLock, Start = offset, Length = 1 };
        return fcntl(file, OfdSetLock, ref request) == 0;
    }

    /// <summary>Whether another open file holds any lock on a byte; false where locks are not supported.</summary>
    public static bool IsLockedByOther(SafeFileHandle file, long offset)
    {
        FileLock request = new() { Type = WriteLock, Start = offset, Length = 1 };
        return fcntl(file, OfdGetLock, ref request) == 0 && request.Type != Unlocked;
    }

    /// <summary>An exception for a failed call.</summary>
    public static CloudImageException Error(string what, int error) =>
        new($"Cannot {what}: {Marshal.GetPInvokeErrorMessage(error)} (error {error}).");

    private static void ThrowOnError(int result, string what)
    {
        if (result < 0)
        {
            throw Error(what, Marshal.GetLastPInvokeError());
        }
    }

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags, uint mode);

    [LibraryImport("libc", SetLastError = true)]
    private static partial long lseek(SafeFileHandle file, long offset, int whence);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fallocate(SafeFileHandle file, int mode, long offset, long length);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(int directory, string path, int flags, uint mask, ref StatX status);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int ioctl(SafeFileHandle file, nuint request, ref long argument);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fcntl(SafeFileHandle file, int command, ref FileLock argument);

    // struct flock of the 64-bit Linux ABIs.
    [StructLayout(LayoutKind.Sequential)]
    private struct FileLock
    {
        public short Type;
        public short Whence;
        public long Start;
        public long Length;
        public int ProcessId;
    }

    // struct statx, which is the same on every architecture; only the mode is of interest.
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct StatX
    {
        [FieldOffset(28)]
        public ushort Mode;
    }
}
