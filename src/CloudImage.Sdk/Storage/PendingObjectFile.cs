using System;
using System.Globalization;
using System.IO;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Storage;

/// <summary>The file of an object that has not got its name yet.</summary>
/// <remarks>
/// On Linux a file without any name, of which a crash leaves nothing. Elsewhere, and where the file system has none such,
/// a file in the folder <c>.tmp</c> of the store; what a crash leaves there is removed after a week.
/// </remarks>
internal sealed class PendingObjectFile : IDisposable
{
    private const int MaximumWriteLength = 1 << 24;
    private static readonly TimeSpan s_staleAfter = TimeSpan.FromDays(7);

    private readonly string? _temporaryPath;

    private PendingObjectFile(SafeFileHandle handle, string? temporaryPath)
    {
        Handle = handle;
        _temporaryPath = temporaryPath;
    }

    internal SafeFileHandle Handle { get; }

    /// <summary>Makes the file of an object that will stand in a folder, which exists.</summary>
    internal static PendingObjectFile Create(string root, string folder, bool usesName)
    {
        if (!OperatingSystem.IsWindows() && !usesName)
        {
            SafeFileHandle? unnamed = PosixFiles.TryCreateUnnamed(folder);
            if (unnamed is not null)
            {
                return new PendingObjectFile(unnamed, null);
            }
        }

        string temporaries = Path.Combine(root, ".tmp");
        if (!Directory.Exists(temporaries))
        {
            Directory.CreateDirectory(temporaries);
        }

        DirectoryObjectStore.RefuseLink(temporaries, ".tmp");
        string path = Path.Combine(temporaries, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)));
        return new PendingObjectFile(File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read | FileShare.Delete), path);
    }

    /// <summary>Removes what crashes left in the folder of temporary files long ago.</summary>
    internal static void RemoveStale(string root, DateTimeOffset now)
    {
        var temporaries = new DirectoryInfo(Path.Combine(root, ".tmp"));
        if (!temporaries.Exists)
        {
            return;
        }

        foreach (FileInfo file in temporaries.EnumerateFiles())
        {
            // A writer that is still at it after a week fails when it wants to publish: an error, never a torn object.
            if (now - file.LastWriteTimeUtc > s_staleAfter)
            {
                file.Delete();
            }
        }
    }

    internal void Write(ReadOnlySpan<byte> content, long fileOffset)
    {
        // In pieces: the kernel writes at most 2 GiB less 4 KiB a call.
        while (!content.IsEmpty)
        {
            int count = Math.Min(content.Length, MaximumWriteLength);
            RandomAccess.Write(Handle, content[..count], fileOffset);
            content = content[count..];
            fileOffset += count;
        }
    }

    internal void Flush() => RandomAccess.FlushToDisk(Handle);

    /// <summary>Gives the file its name, unless it is taken.</summary>
    /// <returns>Whether it has it now.</returns>
    internal bool TryPublish(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return TryMoveOnWindows(path);
        }

        int error = _temporaryPath is null ? PosixFiles.LinkUnnamed(Handle, path) : PosixFiles.LinkOrMove(_temporaryPath, path);
        if (error == PosixFiles.NoEntry && _temporaryPath is null)
        {
            throw new IOException(string.Create(CultureInfo.InvariantCulture, $"'{path}' could not be named: its folder is gone, or /proc is not mounted."));
        }

        return error switch
        {
            0 => true,
            PosixFiles.Exists => false,
            _ => throw PosixFiles.ToException(error, path),
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Handle.Dispose();
        if (_temporaryPath is not null)
        {
            File.Delete(_temporaryPath);
        }
    }

    private bool TryMoveOnWindows(string path)
    {
        Handle.Dispose();
        try
        {
            File.Move(_temporaryPath!, path, overwrite: false);
            return true;
        }
        catch (IOException) when (File.Exists(path))
        {
            return false;
        }
    }
}
