using System;
using System.Buffers;
using System.IO;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.Win32.SafeHandles;

namespace CloudImage.Sdk.IO;

/// <summary>Keeps what comes from a pipe in a nameless temporary file, zeros as holes, so that it can be read at any place.</summary>
internal static class Spool
{
    private const int BufferLength = 1 << 20;
    private const int HoleLength = 4096;

    /// <summary>Takes a stream to its end.</summary>
    /// <returns>The open file, which the caller owns and which is gone when it is closed.</returns>
    public static async ValueTask<SafeFileHandle> TakeAsync(Stream stream, IoMode mode, CancellationToken cancellationToken)
    {
        SafeFileHandle file = OpenTemporary();
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferLength);
        try
        {
            long length = 0;
            while (true)
            {
                int count = mode == IoMode.Synchronous
                    ? stream.ReadAtLeast(buffer.AsSpan(0, BufferLength), BufferLength, false)
                    : await stream.ReadAtLeastAsync(buffer.AsMemory(0, BufferLength), BufferLength, false, cancellationToken).ConfigureAwait(false);
                WriteSparse(file, buffer.AsSpan(0, count), length);
                length += count;
                if (count < BufferLength)
                {
                    RandomAccess.SetLength(file, length);
                    return file;
                }
            }
        }
        catch
        {
            file.Dispose();
            throw;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static void WriteSparse(SafeFileHandle file, ReadOnlySpan<byte> buffer, long fileOffset)
    {
        int start = 0;
        for (int position = 0; position < buffer.Length; position += HoleLength)
        {
            int end = Math.Min(position + HoleLength, buffer.Length);
            if (buffer[position..end].ContainsAnyExcept((byte)0))
            {
                continue;
            }

            RandomAccess.Write(file, buffer[start..position], fileOffset + start);
            start = end;
        }

        RandomAccess.Write(file, buffer[start..], fileOffset + start);
    }

    /// <summary>A new temporary file, gone when it is closed.</summary>
    public static SafeFileHandle OpenTemporary()
    {
        string folder = Path.GetTempPath();
        if (!OperatingSystem.IsWindows() && PosixFiles.TryCreateUnnamed(folder) is { } unnamed)
        {
            return unnamed;
        }

        string path = Path.Combine(folder, $"cloudimage-{RandomNumberGenerator.GetHexString(16, true)}.spool");
        return File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, FileOptions.DeleteOnClose);
    }
}
