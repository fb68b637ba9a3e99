using System;
using System.Buffers;
using System.IO;

namespace CloudImage.Cli.Output;

/// <summary>One buffer in front of a stream, for writers that fill memory: passed on when it is full, and at the end.</summary>
internal sealed class StreamBufferWriter : IBufferWriter<byte>, IDisposable
{
    private readonly Stream _output;
    private byte[] _buffer = new byte[64 << 10];
    private int _filled;

    public StreamBufferWriter(Stream output) => _output = output;

    public void Advance(int count) => _filled += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        if (_buffer.Length - _filled < Math.Max(sizeHint, 1))
        {
            Flush();
            if (_buffer.Length < sizeHint)
            {
                _buffer = new byte[sizeHint];
            }
        }

        return _buffer.AsMemory(_filled);
    }

    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public void Dispose() => Flush();

    private void Flush()
    {
        _output.Write(_buffer, 0, _filled);
        _filled = 0;
    }
}
