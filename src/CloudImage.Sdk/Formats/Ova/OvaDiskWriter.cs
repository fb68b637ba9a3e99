using System;
using System.Security.Cryptography;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats.Archives;
using CloudImage.Sdk.Formats.Vmdk;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Ova;

/// <summary>Writes a package with one streamOptimized disk.</summary>
/// <remarks>
/// Layout: descriptor, manifest, disk. Room for the first two is known beforehand: the descriptor is padded with blank lines,
/// the manifest has a fixed length. A sink that takes positions gets the disk first, straight to its place, and then the
/// beginning; a pipe gets everything in order once the disk lies compressed in a temporary file.
/// </remarks>
internal sealed class OvaDiskWriter : DiskWriter
{
    private readonly ImageSink _sink;
    private readonly OvaOptions _options;
    private readonly OvaNames _names;
    private readonly OvaMemberSink _member;
    private readonly DiskWriter _disk;
    private readonly int _descriptorLength;
    private long _dataLength;

    public OvaDiskWriter(ImageSink sink, long length, OvaOptions options)
    {
        _sink = sink;
        _options = options;
        _names = OvaNames.Of(options.Name, sink.Name);
        _descriptorLength = RoundUp(Descriptor(length, long.MaxValue, long.MaxValue).Length, TarConstants.BlockSize);
        _member = new OvaMemberSink(sink, _names.Disk, DiskOffset, sink.IsSequential ? options.MaxSpoolLength : null);
        _disk = VmdkFormat.Instance.Create(_member, length, new VmdkOptions
        {
            Subformat = VmdkSubformat.StreamOptimized,
            HardwareVersion = options.HardwareVersion,
        });
    }

    public override long Length => _disk.Length;

    public override int PreferredBlockSize => _disk.PreferredBlockSize;

    public override int SparseBlockSize => _disk.SparseBlockSize;

    public override bool RequiresSequentialWrites => _disk.RequiresSequentialWrites;

    public override bool RequiresPlan => _disk.RequiresPlan;

    public override bool EncodesBlocks => _disk.EncodesBlocks;

    private int ManifestLength => Manifest(new byte[SHA256.HashSizeInBytes], new byte[SHA256.HashSizeInBytes]).Length;

    private long ManifestOffset => TarConstants.BlockSize + _descriptorLength;

    private long DiskOffset => ManifestOffset + TarConstants.BlockSize + RoundUp(ManifestLength, TarConstants.BlockSize) + TarConstants.BlockSize;

    protected override void PlanCore(BlockMap map) => _disk.Plan(map);

    protected override ValueTask WriteCoreAsync(ReadOnlyMemory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        _dataLength += buffer.Length;
        return _disk.WriteAsync(buffer, offset, mode, cancellationToken);
    }

    protected override ValueTask WriteZeroesCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken) =>
        _disk.WriteZeroesAsync(offset, length, mode, cancellationToken);

    protected override EncodedBlock EncodeBlockCore(ReadOnlySpan<byte> block, long offset) => _disk.EncodeBlock(block, offset);

    protected override ValueTask WriteEncodedCoreAsync(EncodedBlock block, IoMode mode, CancellationToken cancellationToken)
    {
        _dataLength += block.PlainLength;
        return _disk.WriteEncodedAsync(block, mode, cancellationToken);
    }

    protected override async ValueTask CompleteCoreAsync(IoMode mode, CancellationToken cancellationToken)
    {
        await _disk.CompleteAsync(mode, cancellationToken).ConfigureAwait(false);
        byte[] beginning = Beginning();
        if (_sink.IsSequential)
        {
            await _sink.WriteAsync(beginning, 0, mode, cancellationToken).ConfigureAwait(false);
            await _member.CopySpoolAsync(mode, cancellationToken).ConfigureAwait(false);
        }

        long end = DiskOffset + _member.Length;
        long total = RoundUp(end + (2 * TarConstants.BlockSize), OvaConstants.RecordSize);
        await _sink.WriteAsync(new byte[(int)(total - end)], end, mode, cancellationToken).ConfigureAwait(false);
        if (!_sink.IsSequential)
        {
            await _sink.WriteAsync(beginning, 0, mode, cancellationToken).ConfigureAwait(false);
        }

        await _sink.CompleteAsync(mode, cancellationToken).ConfigureAwait(false);
    }

    protected override void Dispose(bool disposing)
    {
        _disk.Dispose();
        _member.Dispose();
        _sink.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>Everything before the disk's own bytes.</summary>
    private byte[] Beginning()
    {
        byte[] descriptor = new byte[_descriptorLength];
        descriptor.AsSpan().Fill((byte)'\n');
        Descriptor(Length, _member.Length, _dataLength).CopyTo(descriptor.AsSpan());
        byte[] manifest = Manifest(SHA256.HashData(descriptor), _member.Digest());
        byte[] beginning = new byte[DiskOffset];
        Put(beginning, 0, _names.Descriptor, descriptor);
        Put(beginning, ManifestOffset, _names.Manifest, manifest);
        Span<byte> header = beginning.AsSpan((int)DiskOffset - TarConstants.BlockSize);
        TarHeaderWriter.Write(header, _names.Disk, TarConstants.TypeFile, _member.Length, OvaConstants.MemberTime);
        return beginning;
    }

    private static void Put(byte[] beginning, long offset, string name, byte[] content)
    {
        TarHeaderWriter.Write(beginning.AsSpan((int)offset, TarConstants.BlockSize), name, TarConstants.TypeFile, content.Length, OvaConstants.MemberTime);
        content.CopyTo(beginning.AsSpan((int)offset + TarConstants.BlockSize));
    }

    private byte[] Descriptor(long length, long fileLength, long dataLength) => OvfWriter.Write(_options, _names, length, fileLength, Math.Min(length, dataLength));

    private byte[] Manifest(ReadOnlySpan<byte> descriptorDigest, ReadOnlySpan<byte> diskDigest) =>
        Encoding.UTF8.GetBytes(OvaManifest.Line(_names.Descriptor, descriptorDigest) + OvaManifest.Line(_names.Disk, diskDigest));

    private static int RoundUp(int length, int unit) => (length + unit - 1) / unit * unit;

    private static long RoundUp(long length, int unit) => (length + unit - 1) / unit * unit;
}
