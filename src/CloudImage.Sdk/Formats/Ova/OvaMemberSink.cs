using System;
using System.Buffers;
using System.IO;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using Microsoft.Win32.SafeHandles;

namespace CloudImage.Sdk.Formats.Ova;

/// <summary>Where the disk of a package is written to: its place in the package, or a temporary file before a pipe. Takes the digest along the way.</summary>
internal sealed class OvaMemberSink : ImageSink
{
    private const int CopyLength = 1 << 20;
    private readonly ImageSink _package;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly SafeFileHandle? _spool;
    private readonly long _packageOffset;
    private readonly long _maxSpoolLength;

    /// <param name="package">What the package is written to; not owned.</param>
    /// <param name="name">Name of the member.</param>
    /// <param name="packageOffset">Position of the member's first byte in the package.</param>
    /// <param name="maxSpoolLength">How much may be kept in a temporary file; null where none is needed.</param>
    public OvaMemberSink(ImageSink package, string name, long packageOffset, long? maxSpoolLength)
    {
        _package = package;
        _packageOffset = packageOffset;
        _maxSpoolLength = maxSpoolLength ?? 0;
        _spool = maxSpoolLength is null ? null : Spool.OpenTemporary();
        Name = name;
    }

    public override bool IsSequential => true;

    public override bool IsLocal => _spool is not null || _package.IsLocal;

    public override string Name { get; }

    /// <summary>How many bytes were written.</summary>
    public long Length { get; private set; }

    /// <summary>The digest of all bytes.</summary>
    public byte[] Digest() => _hash.GetCurrentHash();

    /// <summary>Copies the temporary file to its place in the package.</summary>
    public async ValueTask CopySpoolAsync(IoMode mode, CancellationToken cancellationToken)
    {
        byte[] rented = ArrayPool<byte>.Shared.Rent(CopyLength);
        try
        {
            for (long offset = 0; offset < Length;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                int count = RandomAccess.Read(_spool!, rented.AsSpan(0, (int)Math.Min(CopyLength, Length - offset)), offset);
                if (count == 0)
                {
                    throw new CloudImageException($"The temporary file of '{Name}' ends at byte {offset} of {Length}.");
                }

                await _package.WriteAsync(rented.AsMemory(0, count), _packageOffset + offset, mode, cancellationToken).ConfigureAwait(false);
                offset += count;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    protected override ValueTask WriteCoreAsync(ReadOnlyMemory<byte> buffer, long fileOffset, IoMode mode, CancellationToken cancellationToken)
    {
        Account(buffer.Span, fileOffset);
        if (_spool is not null)
        {
            RandomAccess.Write(_spool, buffer.Span, fileOffset);
            return ValueTask.CompletedTask;
        }

        return _package.WriteAsync(buffer, _packageOffset + fileOffset, mode, cancellationToken);
    }

    protected override ValueTask FlushCoreAsync(IoMode mode, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    protected override void SetLengthCore(long length)
    {
        if (length != Length)
        {
            throw new InvalidOperationException($"The member '{Name}' has {Length} bytes and is written in order; its length cannot be set to {length}.");
        }
    }

    // The package is completed by its own writer, once its beginning is written.
    protected override ValueTask CompleteCoreAsync(IoMode mode, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _spool?.Dispose();
            _hash.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Account(ReadOnlySpan<byte> buffer, long fileOffset)
    {
        if (fileOffset != Length)
        {
            throw new InvalidOperationException($"The member '{Name}' is written in order: byte {fileOffset} came after byte {Length}.");
        }

        if (_spool is not null && buffer.Length > _maxSpoolLength - Length)
        {
            throw new CloudImageException($"The compressed disk needs more than the {_maxSpoolLength} bytes of temporary space that OvaOptions.MaxSpoolLength allows; write to a file instead of a pipe.");
        }

        _hash.AppendData(buffer);
        Length += buffer.Length;
    }
}
