using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Tests.Snapshots;

/// <summary>A store that outlives the repositories opened on it.</summary>
internal sealed class UnownedStore(ObjectStore inner) : ObjectStore
{
    public override ObjectStoreCapabilities Capabilities => inner.Capabilities;

    public override string Location => inner.Location;

    protected override ValueTask<bool> TryCreateCoreAsync(string name, ReadOnlyMemory<byte> content, ObjectCreateOptions options, CancellationToken cancellationToken) =>
        inner.TryCreateAsync(name, content, options, cancellationToken);

    protected override ValueTask<ObjectUpload> BeginCreateCoreAsync(string name, ObjectCreateOptions options, CancellationToken cancellationToken) =>
        inner.BeginCreateAsync(name, options, cancellationToken);

    protected override ValueTask<int> ReadCoreAsync(string name, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken) =>
        inner.ReadAsync(name, buffer, offset, mode, cancellationToken);

    protected override ValueTask<ObjectInfo?> GetInfoCoreAsync(string name, IoMode mode, CancellationToken cancellationToken) =>
        inner.GetInfoAsync(name, mode, cancellationToken);

    protected override IAsyncEnumerable<ObjectInfo> ListCoreAsync(string prefix, string? startAfter, CancellationToken cancellationToken) =>
        inner.ListAsync(prefix, startAfter, cancellationToken);

    protected override ValueTask DeleteCoreAsync(IReadOnlyList<string> names, CancellationToken cancellationToken) => inner.DeleteAsync(names, cancellationToken);

    protected override ValueTask FlushCoreAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);
}
