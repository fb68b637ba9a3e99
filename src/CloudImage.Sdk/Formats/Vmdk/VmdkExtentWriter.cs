using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>Writes one file of a new disk. Positions count from the start of the extent.</summary>
internal abstract class VmdkExtentWriter : IDisposable
{
    /// <summary>Writes a range that lies within the extent and is not empty.</summary>
    public abstract ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken);

    /// <summary>Makes a range read as zeros.</summary>
    public abstract ValueTask WriteZeroesAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken);

    /// <summary>Writes the metadata and publishes the file.</summary>
    public abstract ValueTask CompleteAsync(IoMode mode, CancellationToken cancellationToken);

    public abstract void Dispose();
}
