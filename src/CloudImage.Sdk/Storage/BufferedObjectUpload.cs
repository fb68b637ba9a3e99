using System;
using System.Buffers;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.Storage;

/// <summary>An upload that holds its parts in one growing buffer and creates the object in one request.</summary>
internal sealed class BufferedObjectUpload : ObjectUpload
{
    private const int FirstLength = 1 << 20;
    private readonly ObjectStore _store;
    private readonly ObjectCreateOptions _options;
    private byte[] _buffer = [];
    private int _length;

    internal BufferedObjectUpload(ObjectStore store, string name, ObjectCreateOptions options)
        : base(name)
    {
        _store = store;
        _options = options;
        Checksum = options.Checksum;
    }

    /// <inheritdoc/>
    protected override ValueTask AppendCoreAsync(ReadOnlyMemory<byte> part, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        long length = (long)_length + part.Length;
        if (length > Math.Min(Array.MaxLength, _store.Capabilities.MaximumObjectLength))
        {
            throw new ObjectStoreException(Name, $"it would grow to {length} bytes, which is more than can be created in one request.", null);
        }

        if (length > _buffer.Length)
        {
            Grow((int)length);
        }

        part.Span.CopyTo(_buffer.AsSpan(_length));
        _length = (int)length;
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    protected override ValueTask<bool> CompleteCoreAsync(CancellationToken cancellationToken) =>
        _store.TryCreateAsync(
            Name,
            _buffer.AsMemory(0, _length),
            Checksum == _options.Checksum ? _options : new ObjectCreateOptions { Temperature = _options.Temperature, Checksum = Checksum },
            cancellationToken);

    /// <inheritdoc/>
    protected override ValueTask DisposeCoreAsync()
    {
        byte[] buffer = _buffer;
        _buffer = [];
        if (buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        return ValueTask.CompletedTask;
    }

    // Memory that was never touched costs nothing until it is: an object that outgrew the first step takes all that it may need, and is not copied again.
    private void Grow(int length)
    {
        long wanted = length <= FirstLength ? Math.Min(FirstLength, 2L * _buffer.Length) : Math.Max(2L * _buffer.Length, _options.ExpectedLength);
        byte[] larger = ArrayPool<byte>.Shared.Rent((int)Math.Min(Array.MaxLength, Math.Max(length, wanted)));
        _buffer.AsSpan(0, _length).CopyTo(larger);
        byte[] smaller = _buffer;
        _buffer = larger;
        if (smaller.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(smaller);
        }
    }
}
