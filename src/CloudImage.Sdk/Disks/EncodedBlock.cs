using System;
using System.Buffers;

namespace CloudImage.Sdk.Disks;

/// <summary>A block that a <see cref="DiskWriter"/> has encoded and not yet written. Owns its buffer.</summary>
public sealed class EncodedBlock : IDisposable
{
    private byte[]? _rented;

    /// <summary>Makes a block.</summary>
    /// <param name="offset">Position of the plain block on the virtual disk.</param>
    /// <param name="plainLength">Length of the plain block in bytes.</param>
    /// <param name="rented">A buffer rented from <see cref="ArrayPool{T}.Shared"/>, given back when the block is disposed.</param>
    /// <param name="length">How much of the buffer is content.</param>
    /// <param name="kind">What the writer needs to know of the encoding; its own choice.</param>
    public EncodedBlock(long offset, int plainLength, byte[] rented, int length, int kind)
    {
        ArgumentNullException.ThrowIfNull(rented);
        Offset = offset;
        PlainLength = plainLength;
        _rented = rented;
        Content = rented.AsMemory(0, length);
        Kind = kind;
    }

    /// <summary>Position of the plain block on the virtual disk.</summary>
    public long Offset { get; }

    /// <summary>Length of the plain block in bytes.</summary>
    public int PlainLength { get; }

    /// <summary>The encoded bytes; empty after disposal.</summary>
    public ReadOnlyMemory<byte> Content { get; private set; }

    /// <summary>What the writer needs to know of the encoding; its own choice.</summary>
    public int Kind { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_rented is { } rented)
        {
            _rented = null;
            Content = default;
            ArrayPool<byte>.Shared.Return(rented);
        }
    }
}
