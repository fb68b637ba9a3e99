using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Tests.Support;

/// <summary>A store that is full after so many bytes, on top of one that it owns; what is cut off leaves nothing.</summary>
public sealed class QuotaStore(ObjectStore inner, long quota) : DelegatingObjectStore(inner)
{
    private long _left = quota;

    /// <summary>Bytes that may still be stored.</summary>
    public long Left
    {
        get => Interlocked.Read(ref _left);
        set => Interlocked.Exchange(ref _left, value);
    }

    protected override ValueTask<bool> TryCreateCoreAsync(string name, ReadOnlyMemory<byte> content, ObjectCreateOptions options, CancellationToken cancellationToken)
    {
        Take(name, content.Length);
        return base.TryCreateCoreAsync(name, content, options, cancellationToken);
    }

    protected override async ValueTask<ObjectUpload> BeginCreateCoreAsync(string name, ObjectCreateOptions options, CancellationToken cancellationToken) =>
        new Upload(this, await Inner.BeginCreateAsync(name, options, cancellationToken));

    private void Take(string name, long count)
    {
        if (Interlocked.Add(ref _left, -count) < 0)
        {
            Interlocked.Add(ref _left, count);
            throw new ObjectStoreException(name, "no space is left.", null);
        }
    }

    private sealed class Upload(QuotaStore store, ObjectUpload inner) : ObjectUpload(inner.Name)
    {
        private long _taken;
        private bool _isComplete;

        protected override ValueTask AppendCoreAsync(ReadOnlyMemory<byte> part, CancellationToken cancellationToken)
        {
            store.Take(Name, part.Length);
            _taken += part.Length;
            return inner.AppendAsync(part, cancellationToken);
        }

        protected override async ValueTask<bool> CompleteCoreAsync(CancellationToken cancellationToken)
        {
            inner.Checksum = Checksum;
            _isComplete = await inner.CompleteAsync(cancellationToken);
            return _isComplete;
        }

        protected override ValueTask DisposeCoreAsync()
        {
            if (!_isComplete)
            {
                Interlocked.Add(ref store._left, _taken);
            }

            return inner.DisposeAsync();
        }
    }
}
