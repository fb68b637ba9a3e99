using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using Microsoft.Win32.SafeHandles;

namespace CloudImage.Sdk.Storage;

/// <summary>A store of objects in a directory of this machine or of a network file system that honours links or exclusive renames.</summary>
/// <remarks>
/// <para>Any number of processes may use one directory at once. An object is written to a file without a name, flushed, and
/// then linked to its name if that is free, so that nobody sees a part of it; the folders are flushed at
/// <see cref="ObjectStore.FlushAsync(CancellationToken)"/>. Windows and macOS use a temporary name and an exclusive rename.</para>
/// <para>The directory itself may be reached through a symbolic link; links below it are refused, and files whose names no
/// object can have are ignored. It is created with the first object.</para>
/// </remarks>
public sealed class DirectoryObjectStore : ObjectStore
{
    private const int MaximumKnownFolders = 1 << 16;

    private readonly DirectoryObjectStoreOptions _options;
    private readonly ConcurrentDictionary<string, bool> _knownFolders = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> _touchedFolders = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _flushGate = new(1, 1);
    private int _isStaleRemoved;
    private ObjectStoreException? _flushFailure;

    /// <summary>Opens a directory with the default options.</summary>
    /// <param name="path">The directory.</param>
    public DirectoryObjectStore(string path)
        : this(path, DirectoryObjectStoreOptions.Default)
    {
    }

    /// <summary>Opens a directory.</summary>
    /// <param name="path">The directory.</param>
    /// <param name="options">How it keeps objects.</param>
    public DirectoryObjectStore(string path, DirectoryObjectStoreOptions options)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(options);
        Location = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        _options = options;
    }

    /// <inheritdoc/>
    public override ObjectStoreCapabilities Capabilities { get; } = new() { IsLocal = true, StreamsUploads = true };

    /// <inheritdoc/>
    public override string Location { get; }

    /// <inheritdoc/>
    protected override async ValueTask<bool> TryCreateCoreAsync(string name, ReadOnlyMemory<byte> content, ObjectCreateOptions options, CancellationToken cancellationToken) =>
        await Task.Run(() => Create(name, content.Span), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    protected override ValueTask<ObjectUpload> BeginCreateCoreAsync(string name, ObjectCreateOptions options, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult<ObjectUpload>(new DirectoryObjectUpload(this, name, Begin(name)));
    }

    /// <inheritdoc/>
    protected override ValueTask<int> ReadCoreAsync(string name, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return mode == IoMode.Synchronous
            ? ValueTask.FromResult(Read(name, buffer.Span, offset))
            : ReadOnPoolAsync(name, buffer, offset, cancellationToken);
    }

    /// <inheritdoc/>
    protected override ValueTask<ObjectInfo?> GetInfoCoreAsync(string name, IoMode mode, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            var file = new FileInfo(GetPath(name));
            if (!CheckFolders(name) || !file.Exists)
            {
                return ValueTask.FromResult<ObjectInfo?>(null);
            }

            RefuseLink(file.Attributes, name);
            return ValueTask.FromResult<ObjectInfo?>(new ObjectInfo(name, file.Length, file.LastWriteTimeUtc, default));
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return ValueTask.FromResult<ObjectInfo?>(null);
        }
        catch (Exception exception) when (IsFault(exception))
        {
            throw ToStoreException(name, "asking for it failed", exception);
        }
    }

    /// <inheritdoc/>
    protected override async IAsyncEnumerable<ObjectInfo> ListCoreAsync(string prefix, string? startAfter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var listing = new DirectoryListing(Location, prefix, startAfter);
        while (await listing.MoveToNextFolderAsync(cancellationToken).ConfigureAwait(false))
        {
            while (listing.TryTakeFile(out ObjectInfo? info))
            {
                cancellationToken.ThrowIfCancellationRequested();
                yield return info;
            }
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask DeleteCoreAsync(IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        await Task.Run(
            () =>
            {
                for (int index = 0; index < names.Count; index++)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    Delete(names[index]);
                }
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override async ValueTask FlushCoreAsync(CancellationToken cancellationToken)
    {
        if (_options.Durability == WriteDurability.None)
        {
            return;
        }

        // One at a time: a second barrier must not pass while the first is still syncing what both are about.
        await _flushGate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await Task.Run(SyncTouchedFolders, CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            _flushGate.Release();
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _flushGate.Dispose();
        }

        base.Dispose(disposing);
    }

    internal static ObjectStoreException ToStoreException(string name, string what, Exception exception) =>
        exception as ObjectStoreException ?? new ObjectStoreException(name, $"{what}: {exception.Message}", exception);

    internal static void RefuseLink(string path, string name) => RefuseLink(File.GetAttributes(path), name);

    /// <summary>Flushes a file, gives it its name, and remembers the folder for the next barrier.</summary>
    internal bool Publish(string name, PendingObjectFile file)
    {
        try
        {
            if (_options.Durability == WriteDurability.Flush)
            {
                file.Flush();
            }

            string path = GetPath(name);
            bool isCreated = file.TryPublish(path);

            // Also when it was there: whoever acts on its existence may need it to last.
            _touchedFolders[Path.GetDirectoryName(path)!] = true;
            return isCreated;
        }
        catch (Exception exception) when (IsFault(exception))
        {
            throw ToStoreException(name, "creating it failed", exception);
        }
    }

    private static void RefuseLink(FileAttributes attributes, string name)
    {
        if ((attributes & FileAttributes.ReparsePoint) != 0)
        {
            throw new ObjectStoreException(name, "a symbolic link or mount stands in its place or in its path; links below the directory of a store are not followed.", null);
        }
    }

    private static bool IsFault(Exception exception) =>
        exception is IOException or UnauthorizedAccessException && exception is not ObjectStoreException;

    private string GetPath(string name) => Path.Join(Location, name);

    private bool Create(string name, ReadOnlySpan<byte> content)
    {
        using PendingObjectFile file = Begin(name);
        try
        {
            file.Write(content, 0);
        }
        catch (Exception exception) when (IsFault(exception))
        {
            throw ToStoreException(name, "writing it failed", exception);
        }

        return Publish(name, file);
    }

    private PendingObjectFile Begin(string name)
    {
        try
        {
            EnsureFolders(name);
            if (Interlocked.Exchange(ref _isStaleRemoved, 1) == 0)
            {
                PendingObjectFile.RemoveStale(Location, TimeProvider.System.GetUtcNow());
            }

            return PendingObjectFile.Create(Location, Path.GetDirectoryName(GetPath(name))!, _options.UsesNamedTemporaries);
        }
        catch (Exception exception) when (IsFault(exception))
        {
            throw ToStoreException(name, "preparing its file failed", exception);
        }
    }

    private async ValueTask<int> ReadOnPoolAsync(string name, Memory<byte> buffer, long offset, CancellationToken cancellationToken) =>
        await Task.Run(() => Read(name, buffer.Span, offset), cancellationToken).ConfigureAwait(false);

    private int Read(string name, Span<byte> buffer, long offset)
    {
        try
        {
            using SafeFileHandle handle = OpenRead(name);
            int total = 0;
            while (total < buffer.Length)
            {
                int count = RandomAccess.Read(handle, buffer[total..], offset + total);
                if (count == 0)
                {
                    break;
                }

                total += count;
            }

            return total;
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException || (IsFault(exception) && Directory.Exists(GetPath(name))))
        {
            throw new ObjectNotFoundException(name, exception);
        }
        catch (Exception exception) when (IsFault(exception) || exception is NotSupportedException)
        {
            throw ToStoreException(name, $"reading {buffer.Length} bytes at {offset} failed", exception);
        }
    }

    private SafeFileHandle OpenRead(string name)
    {
        if (!CheckFolders(name))
        {
            throw new ObjectNotFoundException(name);
        }

        string path = GetPath(name);
        if (OperatingSystem.IsWindows())
        {
            RefuseLink(path, name);
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        }

        SafeFileHandle? handle = PosixFiles.TryOpenRead(path, out int error);
        return handle ?? throw error switch
        {
            PosixFiles.NoEntry or PosixFiles.NotDirectory => new ObjectNotFoundException(name),
            _ when PosixFiles.IsLinkRefused(error) => new ObjectStoreException(name, "a symbolic link stands in its place; links below the directory of a store are not followed.", null),
            _ => PosixFiles.ToException(error, path),
        };
    }

    private void Delete(string name)
    {
        if (!CheckFolders(name))
        {
            return;
        }

        string path = GetPath(name);
        try
        {
            // Removes a link, not what it points to; a missing file is no error, a missing folder is none either.
            File.Delete(path);
            _touchedFolders[Path.GetDirectoryName(path)!] = true;
        }
        catch (Exception exception) when (exception is DirectoryNotFoundException || (IsFault(exception) && Directory.Exists(path)))
        {
            // A folder is no object: there is nothing of this name to delete.
            return;
        }
        catch (Exception exception) when (IsFault(exception))
        {
            throw ToStoreException(name, "deleting it failed", exception);
        }
    }

    /// <summary>Looks at the folders of a name; none of them may be a link.</summary>
    /// <returns>Whether all exist.</returns>
    private bool CheckFolders(string name)
    {
        for (int end = name.IndexOf('/', StringComparison.Ordinal); end >= 0; end = name.IndexOf('/', end + 1))
        {
            string folder = name[..end];
            if (_knownFolders.ContainsKey(folder))
            {
                continue;
            }

            var info = new DirectoryInfo(GetPath(folder));
            if (!info.Exists)
            {
                return false;
            }

            RefuseLink(info.Attributes, name);
            Remember(folder);
        }

        return true;
    }

    private void EnsureFolders(string name)
    {
        if (!Directory.Exists(Location))
        {
            Directory.CreateDirectory(Location);
            _touchedFolders[Path.GetDirectoryName(Location) ?? Location] = true;
        }

        for (int end = name.IndexOf('/', StringComparison.Ordinal); end >= 0; end = name.IndexOf('/', end + 1))
        {
            string folder = name[..end];
            if (_knownFolders.TryGetValue(folder, out bool isDurable) && isDurable)
            {
                continue;
            }

            string path = GetPath(folder);
            Directory.CreateDirectory(path);
            RefuseLink(path, name);

            // Whether this process made it or another one that has not synced it yet: its name must last too.
            _touchedFolders[Path.GetDirectoryName(path)!] = true;
            _knownFolders[folder] = true;
        }
    }

    private void Remember(string folder)
    {
        if (_knownFolders.Count >= MaximumKnownFolders)
        {
            _knownFolders.Clear();
        }

        _knownFolders.TryAdd(folder, false);
    }

    private void SyncTouchedFolders()
    {
        // The kernel reports a failed flush once and may then have dropped what it could not write: no later success is to be believed.
        if (_flushFailure is not null)
        {
            throw new ObjectStoreException($"An earlier flush failed; open the store anew and check it. {_flushFailure.Message}", _flushFailure);
        }

        // The folders at the top as well: what another process published there, and this one relies on, lasts from here on.
        // A store into which nothing was put yet has no folder, and nothing to sync.
        string[] topFolders = Directory.Exists(Location) ? Directory.GetDirectories(Location) : [];
        foreach (string folder in topFolders)
        {
            _touchedFolders[folder] = true;
        }

        foreach (string folder in _touchedFolders.Keys)
        {
            _touchedFolders.TryRemove(folder, out _);
            try
            {
                if (!OperatingSystem.IsWindows())
                {
                    PosixFiles.SyncDirectory(folder);
                }
            }
            catch (IOException exception)
            {
                _flushFailure = new ObjectStoreException($"Flushing the folder '{folder}' failed: {exception.Message}", exception);
                throw _flushFailure;
            }
        }
    }
}
