using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.Storage;

/// <summary>An upload into a directory: parts go to a file that gets its name at the end.</summary>
internal sealed class DirectoryObjectUpload : ObjectUpload
{
    private readonly DirectoryObjectStore _store;
    private readonly PendingObjectFile _file;

    internal DirectoryObjectUpload(DirectoryObjectStore store, string name, PendingObjectFile file)
        : base(name)
    {
        _store = store;
        _file = file;
    }

    /// <inheritdoc/>
    protected override async ValueTask AppendCoreAsync(ReadOnlyMemory<byte> part, CancellationToken cancellationToken)
    {
        try
        {
            await RandomAccess.WriteAsync(_file.Handle, part, Length, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw DirectoryObjectStore.ToStoreException(Name, "writing a part failed", exception);
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask<bool> CompleteCoreAsync(CancellationToken cancellationToken) =>
        await Task.Run(() => _store.Publish(Name, _file), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    protected override ValueTask DisposeCoreAsync()
    {
        _file.Dispose();
        return ValueTask.CompletedTask;
    }
}
