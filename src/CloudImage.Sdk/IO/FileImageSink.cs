using System;
using System.Globalization;
using System.IO;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.Win32.SafeHandles;

namespace CloudImage.Sdk.IO;

/// <summary>Writes a new container to a file that appears under its name complete, or not at all.</summary>
/// <remarks>
/// <para>The bytes go to a file without a name (where the system has those) or with a temporary name in the same folder.
/// <see cref="ImageSink.CompleteAsync(CancellationToken)"/> makes them durable, renames the file over an existing one
/// of that name, and makes the folder durable; see <see cref="WriteDurability"/>. A symbolic link is followed, and the
/// permissions of a file that is replaced are kept.</para>
/// </remarks>
public sealed class FileImageSink : ImageSink
{
    private readonly string _path;
    private readonly string _folder;
    private readonly WriteDurability _durability;
    private readonly SafeFileHandle _file;
    private readonly FileReservation _reservation;
    private string? _temporaryPath;

    /// <summary>Begins a container.</summary>
    /// <param name="path">Where it is to appear; the folder must exist.</param>
    /// <param name="durability">What is promised of it once it is complete.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="CloudImageException">The path leads to something that is no regular file, or the file cannot be made.</exception>
    public FileImageSink(string path, WriteDurability durability)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        _path = Target(path);
        _folder = Path.GetDirectoryName(_path) ?? throw new CloudImageException($"'{path}' is a folder; name a file.");
        _durability = durability;
        if (!Directory.Exists(_folder))
        {
            throw new DirectoryNotFoundException($"There is no folder '{_folder}' to write '{Path.GetFileName(_path)}' to.");
        }

        ThrowIfSpecial(_path);
        _file = OpenUnnamed() ?? OpenTemporary();
        _reservation = new FileReservation(_file);
    }

    /// <inheritdoc/>
    public override bool IsLocal => true;

    /// <inheritdoc/>
    public override string Name => Path.GetFileName(_path);

    /// <summary>The open file, for copies inside the kernel.</summary>
    internal SafeFileHandle Handle => _file;

    /// <inheritdoc/>
    public override ImageSink CreateSibling(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (name != Path.GetFileName(name) || name is "." or "..")
        {
            throw new ArgumentException($"'{name}' is not a plain file name.", nameof(name));
        }

        return new FileImageSink(Path.Combine(_folder, name), _durability);
    }

    /// <inheritdoc/>
    protected override void WriteCore(ReadOnlySpan<byte> buffer, long fileOffset)
    {
        _reservation.Reserve(fileOffset, buffer.Length);
        RandomAccess.Write(_file, buffer, fileOffset);
    }

    /// <inheritdoc/>
    protected override ValueTask WriteCoreAsync(ReadOnlyMemory<byte> buffer, long fileOffset, IoMode mode, CancellationToken cancellationToken)
    {
        _reservation.Reserve(fileOffset, buffer.Length);
        if (mode == IoMode.Synchronous)
        {
            RandomAccess.Write(_file, buffer.Span, fileOffset);
            return ValueTask.CompletedTask;
        }

        return RandomAccess.WriteAsync(_file, buffer, fileOffset, cancellationToken);
    }

    /// <inheritdoc/>
    protected override async ValueTask FlushCoreAsync(IoMode mode, CancellationToken cancellationToken)
    {
        if (_durability == WriteDurability.None)
        {
            return;
        }

        if (mode == IoMode.Synchronous)
        {
            RandomAccess.FlushToDisk(_file);
            return;
        }

        await Task.Run(() => RandomAccess.FlushToDisk(_file), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override void SetLengthCore(long length) => RandomAccess.SetLength(_file, length);

    /// <inheritdoc/>
    protected override async ValueTask CompleteCoreAsync(IoMode mode, CancellationToken cancellationToken)
    {
        // Content first, then the name, then the folder that holds the name.
        await FlushCoreAsync(mode, cancellationToken).ConfigureAwait(false);
        KeepMode();
        Publish();
        if (_durability == WriteDurability.Flush && !OperatingSystem.IsWindows())
        {
            PosixFiles.SyncDirectory(_folder);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _file.Dispose();
        if (_temporaryPath is { } path)
        {
            _temporaryPath = null;
            File.Delete(path);
        }

        base.Dispose(disposing);
    }

    private static string Target(string path) =>
        new FileInfo(path).LinkTarget is null ? Path.GetFullPath(path) : File.ResolveLinkTarget(path, true)!.FullName;

    private static void ThrowIfSpecial(string path)
    {
        if (Directory.Exists(path))
        {
            throw new CloudImageException($"'{path}' is a folder; name a file.");
        }

        if (OperatingSystem.IsLinux() && LinuxNative.TypeOf(path) is { } type && type != LinuxNative.RegularFile)
        {
            throw new CloudImageException($"'{path}' is {ImageFile.Describe(type)}, which a file cannot replace.");
        }
    }

    // A file without a name needs no cleaning up, however the process ends. Not every file system and kernel has them; whatever
    // else is wrong shows when the named file is made.
    private SafeFileHandle? OpenUnnamed() => OperatingSystem.IsWindows() ? null : PosixFiles.TryCreateUnnamed(_folder);

    private SafeFileHandle OpenTemporary()
    {
        _temporaryPath = TemporaryPath();
        return File.OpenHandle(_temporaryPath, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read | FileShare.Delete);
    }

    private string TemporaryPath() => Path.Combine(
        _folder,
        string.Create(CultureInfo.InvariantCulture, $".{Path.GetFileName(_path)}.{RandomNumberGenerator.GetHexString(12, true)}.tmp"));

    private void KeepMode()
    {
        if (!OperatingSystem.IsWindows() && File.Exists(_path))
        {
            File.SetUnixFileMode(_file, File.GetUnixFileMode(_path));
        }
    }

    private void Publish()
    {
        // Only these systems have files without a name.
        if (_temporaryPath is null && !OperatingSystem.IsWindows())
        {
            int error = PosixFiles.LinkUnnamed(_file, _path);
            if (error == 0)
            {
                return;
            }

            // A link replaces nothing: under a temporary name first, which a rename then moves over the old file.
            string temporaryPath = TemporaryPath();
            error = error == PosixFiles.Exists ? PosixFiles.LinkUnnamed(_file, temporaryPath) : error;
            if (error != 0)
            {
                throw LinuxNative.Error($"give the finished file its name '{_path}'", error);
            }

            _temporaryPath = temporaryPath;
        }

        File.Move(_temporaryPath!, _path, true);
        _temporaryPath = null;
    }
}
