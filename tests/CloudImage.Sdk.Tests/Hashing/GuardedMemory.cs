using System;
using System.Runtime.InteropServices;

namespace CloudImage.Sdk.Tests.Hashing;

/// <summary>Memory between two pages that cannot be read: a kernel that reads a byte too far ends the process.</summary>
/// <remarks>On systems without mmap it is plain memory, and proves nothing.</remarks>
internal sealed unsafe partial class GuardedMemory : IDisposable
{
    private const int ReadWrite = 3;
    private const int PrivateAnonymous = 0x22;

    private readonly nuint _pageSize = (nuint)Environment.SystemPageSize;
    private readonly nuint _length;
    private readonly nint _start;
    private readonly bool _isMapped;

    public GuardedMemory(int length)
    {
        nuint inner = ((nuint)length + _pageSize - 1) / _pageSize * _pageSize;
        inner = Math.Max(inner, _pageSize);
        _length = inner + (2 * _pageSize);
        _isMapped = OperatingSystem.IsLinux();
        if (!_isMapped)
        {
            _start = (nint)NativeMemory.AllocZeroed(_length);
            return;
        }

        _start = Map(0, _length, ReadWrite, PrivateAnonymous, -1, 0);
        if (_start == -1
            || Protect(_start, _pageSize, 0) != 0
            || Protect(_start + (nint)(_pageSize + inner), _pageSize, 0) != 0)
        {
            throw new InvalidOperationException("The guarded memory could not be made.");
        }
    }

    /// <summary>A span whose first byte comes right after the guard.</summary>
    public Span<byte> AfterGuard(int length) => new((byte*)_start + _pageSize, length);

    /// <summary>A span whose last byte comes right before the guard.</summary>
    public Span<byte> BeforeGuard(int length) => new((byte*)_start + _length - _pageSize - length, length);

    public void Dispose()
    {
        if (_isMapped)
        {
            _ = Unmap(_start, _length);
        }
        else
        {
            NativeMemory.Free((void*)_start);
        }
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nuint length);
}
