using System;
using System.Buffers;
using System.Diagnostics;

namespace CloudImage.Sdk.IO;

/// <summary>Lends a pinned span as <see cref="Memory{T}"/> to a core method that runs to its end before the pin is let go.</summary>
/// <remarks>One instance a thread and nesting level is kept for reuse; after <see cref="Return"/> its memory is empty.</remarks>
internal sealed unsafe class SpanMemory : MemoryManager<byte>
{
    [ThreadStatic]
    private static SpanMemory? s_cached;

    private byte* _pointer;
    private int _length;

    /// <summary>Wraps a pinned range; the caller keeps it pinned until <see cref="Return"/>.</summary>
    public static SpanMemory Rent(byte* pointer, int length)
    {
        SpanMemory memory = s_cached ?? new SpanMemory();
        s_cached = null;
        Debug.Assert(memory._pointer == null);
        memory._pointer = pointer;
        memory._length = length;
        return memory;
    }

    /// <summary>Ends the loan.</summary>
    public void Return()
    {
        _pointer = null;
        _length = 0;
        s_cached = this;
    }

    public override Span<byte> GetSpan() => new(_pointer, _length);

    public override MemoryHandle Pin(int elementIndex = 0) => new(_pointer + elementIndex);

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing)
    {
    }
}
