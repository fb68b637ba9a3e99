using System;

namespace CloudImage.Sdk.IO;

/// <summary>An existing container that is changed in place: what resizing and repair write through.</summary>
/// <remarks>One user at a time. The caller orders its writes with <see cref="Flush"/>, so that a crash at any point leaves a valid image.</remarks>
public abstract class ImageEditor : IDisposable
{
    /// <summary>Length of the container in bytes.</summary>
    public abstract long Length { get; }

    /// <summary>Reads bytes at an absolute position.</summary>
    /// <param name="buffer">Receives the bytes; filled completely unless the container ends first.</param>
    /// <param name="fileOffset">Position in bytes from the start of the container.</param>
    /// <returns>The number of bytes read.</returns>
    public abstract int Read(Span<byte> buffer, long fileOffset);

    /// <summary>Writes bytes at an absolute position.</summary>
    /// <param name="buffer">The bytes.</param>
    /// <param name="fileOffset">Position in bytes from the start of the container.</param>
    public abstract void Write(ReadOnlySpan<byte> buffer, long fileOffset);

    /// <summary>Makes every write so far durable before any that follows.</summary>
    public abstract void Flush();

    /// <summary>Sets the length of the container; a range that this adds reads as zeros.</summary>
    /// <param name="length">The length in bytes.</param>
    public abstract void SetLength(long length);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases what the editor holds.</summary>
    /// <param name="disposing">Whether <see cref="Dispose()"/> was called.</param>
    protected virtual void Dispose(bool disposing)
    {
    }
}
