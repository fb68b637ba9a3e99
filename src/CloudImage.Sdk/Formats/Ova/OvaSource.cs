using System;
using System.IO;
using System.IO.Compression;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats.Archives;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Ova;

/// <summary>A disk of a package that comes through a pipe. Its digest is compared when it has passed, before its end is reported.</summary>
internal sealed class OvaSource : SequentialDiskSource
{
    private readonly Stream _stream;
    private readonly OvaSequentialReader _archive;
    private readonly OvaPartStream _parts;
    private readonly SequentialDiskSource _disk;
    private readonly bool _leaveOpen;
    private bool _isVerified;

    private OvaSource(Stream stream, OvaSequentialReader archive, OvaPartStream parts, SequentialDiskSource disk, bool leaveOpen)
    {
        _stream = stream;
        _archive = archive;
        _parts = parts;
        _disk = disk;
        _leaveOpen = leaveOpen;
        Info = OvaDisk.Describe(archive.Descriptor!, archive.Manifest.Count > 0, disk.Info, null);
    }

    public override DiskInfo Info { get; }

    public override long? Length => _disk.Length;

    public override BlockMap? Map => _disk.Map;

    public static async ValueTask<OvaSource> OpenAsync(Stream stream, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        OvaSequentialReader archive = new(stream, options);
        (OvfDisk disk, TarMember member) = await archive.FindDiskAsync(mode, cancellationToken).ConfigureAwait(false);
        OvaPartStream parts = new(archive.Tar, disk.File!, member, archive.Algorithms);
        try
        {
            Stream bytes = disk.File!.Compression is null ? parts : new GZipStream(parts, CompressionMode.Decompress, true);
            byte[] prefix = new byte[DiskProbe.MaxHeaderLength];
            int count = await ReadPrefixAsync(bytes, prefix, member, mode, cancellationToken).ConfigureAwait(false);
            DiskFormat format = OvaDiskChoice.Detect(disk, prefix.AsSpan(0, count), long.MaxValue);
            DiskOpenOptions nested = new() { Format = format, AllowRawFallback = false, Limits = options.Limits, IsLenient = options.IsLenient, LoggerFactory = options.LoggerFactory };
            SequentialDiskSource source = await format.OpenSequentialAsync(new PrefixedStream(prefix.AsMemory(0, count), bytes, true), nested, mode, cancellationToken).ConfigureAwait(false);
            return new OvaSource(stream, archive, parts, source, options.LeaveOpen);
        }
        catch
        {
            await parts.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    protected override async ValueTask<DiskExtent> ReadNextCoreAsync(Memory<byte> buffer, IoMode mode, CancellationToken cancellationToken)
    {
        DiskExtent extent = await _disk.ReadNextAsync(buffer, mode, cancellationToken).ConfigureAwait(false);
        if (extent.Length == 0 && !_isVerified)
        {
            await _parts.DrainAsync(mode, cancellationToken).ConfigureAwait(false);
            await _archive.ReadEndAsync(_parts, mode, cancellationToken).ConfigureAwait(false);
            _isVerified = true;
        }

        return extent;
    }

    protected override void Dispose(bool disposing)
    {
        _disk.Dispose();
        _parts.Dispose();
        if (!_leaveOpen)
        {
            _stream.Dispose();
        }

        base.Dispose(disposing);
    }

    private static async ValueTask<int> ReadPrefixAsync(Stream bytes, byte[] prefix, TarMember member, IoMode mode, CancellationToken cancellationToken)
    {
        try
        {
            return await bytes.ReadFullyAsync(prefix, mode, cancellationToken).ConfigureAwait(false);
        }
        catch (InvalidDataException exception)
        {
            throw new DiskFormatException(OvaConstants.Name, member.DataOffset, $"The gzip-compressed file '{member.Name}' is damaged.", exception);
        }
    }
}
