using System;
using System.IO;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace CloudImage.Sdk.IO;

/// <summary>The few calls of the C library that .NET has no door to: links, directories as files, files without a name.</summary>
/// <remarks>The numbers are those of the Linux kernel's and Darwin's headers; where architectures differ, both are here.</remarks>
[UnsupportedOSPlatform("windows")]
internal static partial class PosixFiles
{
    internal const int NoPermission = 1;
    internal const int NoEntry = 2;
    internal const int Interrupted = 4;
    internal const int Exists = 17;
    internal const int CrossDevice = 18;
    internal const int NotDirectory = 20;
    internal const int IsDirectory = 21;
    internal const int Invalid = 22;
    internal const int NotSupported = 95;

    private const int CurrentDirectory = -100;
    private const int FollowLink = 0x400;
    private const uint NoReplace = 1;
    private const int ReadWrite = 2;

    private static bool IsArm => RuntimeInformation.ProcessArchitecture is Architecture.Arm or Architecture.Arm64 or Architecture.Ppc64le;

    private static int OpenDirectoryFlag => OperatingSystem.IsMacOS() ? 0x100000 : IsArm ? 0x4000 : 0x10000;

    private static int NoFollowFlag => OperatingSystem.IsMacOS() ? 0x100 : IsArm ? 0x8000 : 0x20000;

    private static int CloseOnExecFlag => OperatingSystem.IsMacOS() ? 0x1000000 : 0x80000;

    private static int NonBlockingFlag => OperatingSystem.IsMacOS() ? 0x4 : 0x800;

    private static int TooManyLinks => OperatingSystem.IsMacOS() ? 62 : 40;

    /// <summary>Opens a regular file for reading, never through a symbolic link as the last part of its path.</summary>
    /// <returns>The handle, or null and the error.</returns>
    internal static SafeFileHandle? TryOpenRead(string path, out int error)
    {
        // Not blocking: or a planted pipe would hold the caller up for ever.
        int descriptor;
        do
        {
            descriptor = Open(path, CloseOnExecFlag | NoFollowFlag | NonBlockingFlag, 0);
            error = descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
        }
        while (error == Interrupted);

        return descriptor < 0 ? null : new SafeFileHandle(descriptor, ownsHandle: true);
    }

    internal static bool IsLinkRefused(int error) => error == TooManyLinks;

    /// <summary>Opens a file that has no name yet; null where the kernel or the file system has none such.</summary>
    internal static SafeFileHandle? TryCreateUnnamed(string folder)
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }

        int temporaryFlag = 0x400000 | OpenDirectoryFlag;
        int descriptor = Open(folder, ReadWrite | CloseOnExecFlag | temporaryFlag, 0b110_110_110);
        return descriptor < 0 ? null : new SafeFileHandle(descriptor, ownsHandle: true);
    }

    /// <summary>Gives an unnamed file its name.</summary>
    /// <returns>Zero, or the error; <see cref="Exists"/> when the name is taken.</returns>
    internal static int LinkUnnamed(SafeFileHandle file, string path)
    {
        bool isHeld = false;
        try
        {
            file.DangerousAddRef(ref isHeld);
            string source = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"/proc/self/fd/{file.DangerousGetHandle()}");
            return LinkAt(CurrentDirectory, source, CurrentDirectory, path, FollowLink) == 0 ? 0 : Marshal.GetLastPInvokeError();
        }
        finally
        {
            if (isHeld)
            {
                file.DangerousRelease();
            }
        }
    }

    /// <summary>Gives a file a further name, or where there are no links its only one, unless the name is taken.</summary>
    /// <returns>Zero, or the error; <see cref="Exists"/> when the name is taken.</returns>
    internal static int LinkOrMove(string source, string path)
    {
        if (Link(source, path) == 0)
        {
            return 0;
        }

        int error = Marshal.GetLastPInvokeError();
        if (error is Exists or NoEntry)
        {
            return error;
        }

        // A file system without links (FAT and its kin): a rename that refuses to replace.
        int result = OperatingSystem.IsMacOS()
            ? RenameExclusive(source, path, 4)
            : RenameAt2(CurrentDirectory, source, CurrentDirectory, path, NoReplace);
        return result == 0 ? 0 : Marshal.GetLastPInvokeError();
    }

    /// <summary>Makes the names in a directory durable.</summary>
    internal static void SyncDirectory(string path)
    {
        int descriptor = Open(path, CloseOnExecFlag | OpenDirectoryFlag, 0);
        if (descriptor < 0)
        {
            throw ToException(Marshal.GetLastPInvokeError(), path);
        }

        using var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        int error;
        do
        {
            error = FileSync(handle) == 0 ? 0 : Marshal.GetLastPInvokeError();
        }
        while (error == Interrupted);

        // Invalid: some network and user-space file systems sync directories by themselves and refuse to be asked.
        if (error is not (0 or Invalid or NotSupported))
        {
            throw ToException(error, path);
        }
    }

    internal static CloudImageException ToException(int error, string path) =>
        new($"{Marshal.GetPInvokeErrorMessage(error)} ({error}): '{path}'");

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Open(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Link(string source, string path);

    [LibraryImport("libc", EntryPoint = "linkat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int LinkAt(int sourceFolder, string source, int folder, string path, int flags);

    [LibraryImport("libc", EntryPoint = "renameat2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int RenameAt2(int sourceFolder, string source, int folder, string path, uint flags);

    [LibraryImport("libc", EntryPoint = "renamex_np", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int RenameExclusive(string source, string path, uint flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int FileSync(SafeFileHandle file);
}
