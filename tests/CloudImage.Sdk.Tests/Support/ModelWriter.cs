using System;
using System.Buffers;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;
using Xunit;

namespace CloudImage.Sdk.Tests.Support;

/// <summary>A writer into memory that checks how it is called.</summary>
public sealed class ModelWriter : DiskWriter
{
    private readonly byte[] _parent;
    private readonly bool[] _isWritten;
    private readonly Lock _lock = new();
    private long _position;
    private readonly List<EncodedBlock> _blocks = [];

    /// <param name="length">Length of the disk.</param>
    /// <param name="blockSize">Its block size.</param>
    /// <param name="isSequential">Whether it wants its writes in order.</param>
    /// <param name="encodes">Whether it encodes blocks, here by inverting them.</param>
    /// <param name="parent">What shows through; zeros behind its end.</param>
    public ModelWriter(int length, int blockSize, bool isSequential, bool encodes, byte[]? parent = null)
    {
        Content = new byte[length];
        _parent = parent ?? [];
        _parent.AsSpan(0, Math.Min(length, _parent.Length)).CopyTo(Content);
        _isWritten = new bool[((long)length + blockSize - 1) / blockSize];
        PreferredBlockSize = blockSize;
        RequiresSequentialWrites = isSequential;
        EncodesBlocks = encodes;
    }

    public byte[] Content { get; }

    /// <summary>The position at and behind which writes fail.</summary>
    public long FailsAt { get; init; } = long.MaxValue;

    /// <summary>How many encoded blocks were neither written nor disposed.</summary>
    public int BlocksAlive => _blocks.Count(static block => !block.Content.IsEmpty);

    public override long Length => Content.Length;

    public override int PreferredBlockSize { get; }

    public override bool RequiresSequentialWrites { get; }

    public override bool EncodesBlocks { get; }

    public override bool IsLocal => true;

    /// <summary>Fails unless every written block differs from the parent.</summary>
    public void AssertOnlyDifferencesWritten(byte[] content)
    {
        for (int block = 0; block < _isWritten.Length; block++)
        {
            int start = block * PreferredBlockSize;
            int length = Math.Min(PreferredBlockSize, content.Length - start);
            byte[] before = new byte[length];
            if (start < _parent.Length)
            {
                _parent.AsSpan(start, Math.Min(length, _parent.Length - start)).CopyTo(before);
            }

            bool differs = !content.AsSpan(start, length).SequenceEqual(before);
            Assert.Equal(differs, _isWritten[block]);
        }
    }

    protected override async ValueTask WriteCoreAsync(ReadOnlyMemory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        if (mode == IoMode.Asynchronous)
        {
            await Task.Yield();
        }

        Put(buffer.Span, offset, false);
    }

    protected override ValueTask WriteZeroesCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        Put(new byte[length], offset, false);
        return ValueTask.CompletedTask;
    }

    protected override EncodedBlock EncodeBlockCore(ReadOnlySpan<byte> block, long offset)
    {
        Assert.Equal(0, offset % PreferredBlockSize);
        Assert.Equal(Math.Min(PreferredBlockSize, Length - offset), block.Length);
        byte[] rented = ArrayPool<byte>.Shared.Rent(block.Length);
        for (int index = 0; index < block.Length; index++)
        {
            rented[index] = (byte)~block[index];
        }

        EncodedBlock encoded = new(offset, block.Length, rented, block.Length, 1);
        lock (_lock)
        {
            _blocks.Add(encoded);
        }

        return encoded;
    }

    protected override async ValueTask WriteEncodedCoreAsync(EncodedBlock block, IoMode mode, CancellationToken cancellationToken)
    {
        if (mode == IoMode.Asynchronous)
        {
            await Task.Yield();
        }

        Put(block.Content.Span, block.Offset, true);
    }

    protected override ValueTask CompleteCoreAsync(IoMode mode, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    private void Put(ReadOnlySpan<byte> bytes, long offset, bool isInverted)
    {
        if (offset + bytes.Length > FailsAt)
        {
            throw new FaultException();
        }

        lock (_lock)
        {
            Assert.True(!RequiresSequentialWrites || offset >= _position, $"A write at {offset} comes after one up to {_position}.");
            _position = offset + bytes.Length;
            for (int index = 0; index < bytes.Length; index++)
            {
                Content[offset + index] = isInverted ? (byte)~bytes[index] : bytes[index];
            }

            for (long block = offset / PreferredBlockSize; block * PreferredBlockSize < offset + bytes.Length; block++)
            {
                _isWritten[block] = true;
            }
        }
    }
}
