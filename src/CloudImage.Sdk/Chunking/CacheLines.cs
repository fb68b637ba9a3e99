using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace CloudImage.Sdk.Chunking;

/// <summary>Asks the memory for what will be read soon. A request never faults, wherever it points.</summary>
internal static class CacheLines
{
    public const int Size = 64;

    /// <summary>Asks for the line that a span begins in.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void Prefetch(ReadOnlySpan<byte> data) => Prefetch((byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(data)));

    /// <summary>Asks for the line of an address.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void Prefetch(byte* address)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch1(address);
        }
    }
}
