using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>Writes the variants that take their writes in any order: one sparse file, or a descriptor beside flat or sparse ones.</summary>
internal sealed class VmdkDiskWriter : DiskWriter
{
    /// <summary>What one file of a split disk holds, as qemu splits it.</summary>
    public const long SplitLength = 2L << 30;

    private readonly ImageSink _sink;
    private readonly VmdkOptions _options;
    private readonly VmdkDescriptorText _descriptor;
    private readonly VmdkExtentWriter?[] _extents;
    private readonly long _extentLength;
    private readonly Lock _lock = new();

    public VmdkDiskWriter(ImageSink sink, long length, VmdkOptions options)
    {
        _sink = sink;
        _options = options;
        Length = (length + VmdkConstants.SectorSize - 1) / VmdkConstants.SectorSize * VmdkConstants.SectorSize;
        _descriptor = new VmdkDescriptorText(options, Length / VmdkConstants.SectorSize);
        bool isSplit = options.Subformat is VmdkSubformat.TwoGbMaxExtentFlat or VmdkSubformat.TwoGbMaxExtentSparse;
        _extentLength = isSplit ? SplitLength : Math.Max(Length, 1);
        long count = Math.Max(1, (Length + _extentLength - 1) / _extentLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, 1 << 20, nameof(length));
        _extents = new VmdkExtentWriter?[count];

        // The first file is begun at once, so that a sink without room for it fails here.
        _ = Extent(0);
    }

    public override long Length { get; }

    public override int PreferredBlockSize => VmdkConstants.GrainSize;

    private bool IsMonolithicSparse => _options.Subformat == VmdkSubformat.MonolithicSparse;

    private bool IsFlat => _options.Subformat is VmdkSubformat.MonolithicFlat or VmdkSubformat.TwoGbMaxExtentFlat;

    protected override async ValueTask WriteCoreAsync(ReadOnlyMemory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        while (buffer.Length > 0)
        {
            long within = offset % _extentLength;
            int count = (int)Math.Min(buffer.Length, _extentLength - within);
            await Extent(offset / _extentLength).WriteAsync(buffer[..count], within, mode, cancellationToken).ConfigureAwait(false);
            buffer = buffer[count..];
            offset += count;
        }
    }

    protected override async ValueTask WriteZeroesCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        while (length > 0)
        {
            long index = offset / _extentLength;
            long within = offset % _extentLength;
            long count = Math.Min(length, _extentLength - within);
            if (_options.Parent is not null || Volatile.Read(ref _extents[index]) is not null)
            {
                await Extent(index).WriteZeroesAsync(within, count, mode, cancellationToken).ConfigureAwait(false);
            }

            offset += count;
            length -= count;
        }
    }

    // The extents first, the descriptor last: without it there is no disk.
    protected override async ValueTask CompleteCoreAsync(IoMode mode, CancellationToken cancellationToken)
    {
        for (int i = 0; i < _extents.Length; i++)
        {
            await Extent(i).CompleteAsync(mode, cancellationToken).ConfigureAwait(false);
        }

        if (!IsMonolithicSparse)
        {
            byte[] text = _descriptor.Build(ListExtents());
            await _sink.WriteAsync(text, 0, mode, cancellationToken).ConfigureAwait(false);
            _sink.SetLength(text.Length);
            await _sink.CompleteAsync(mode, cancellationToken).ConfigureAwait(false);
        }
    }

    protected override void Dispose(bool disposing)
    {
        foreach (VmdkExtentWriter? extent in _extents)
        {
            extent?.Dispose();
        }

        _sink.Dispose();
        base.Dispose(disposing);
    }

    private VmdkExtentWriter Extent(long index)
    {
        if (Volatile.Read(ref _extents[index]) is { } known)
        {
            return known;
        }

        lock (_lock)
        {
            return _extents[index] ??= Begin(index);
        }
    }

    private VmdkExtentWriter Begin(long index)
    {
        long length = LengthOf(index);
        if (IsMonolithicSparse)
        {
            byte[] text = _descriptor.Build([(_sink.Name, length / VmdkConstants.SectorSize)]);
            if (text.Length > VmdkConstants.DescriptorSectors * VmdkConstants.SectorSize)
            {
                throw new ArgumentException("The descriptor does not fit into the 20 sectors kept for it: the names are too long.", nameof(index));
            }

            return new VmdkSparseExtentWriter(_sink, length, text, _options.Parent is not null, _options.UseZeroedGrains);
        }

        ImageSink sink = _sink.CreateSibling(NameOf(index));
        return IsFlat
            ? new VmdkFlatExtentWriter(sink, length)
            : new VmdkSparseExtentWriter(sink, length, null, _options.Parent is not null, _options.UseZeroedGrains);
    }

    private long LengthOf(long index) => Math.Min(_extentLength, Length - (index * _extentLength));

    private string NameOf(long index)
    {
        string stem = Path.GetFileNameWithoutExtension(_sink.Name);
        return _options.Subformat switch
        {
            VmdkSubformat.MonolithicFlat => $"{stem}-flat.vmdk",
            VmdkSubformat.TwoGbMaxExtentFlat => $"{stem}-f{index + 1:000}.vmdk",
            _ => $"{stem}-s{index + 1:000}.vmdk",
        };
    }

    private List<(string Name, long Sectors)> ListExtents()
    {
        List<(string Name, long Sectors)> extents = [];
        for (int i = 0; i < _extents.Length; i++)
        {
            extents.Add((NameOf(i), LengthOf(i) / VmdkConstants.SectorSize));
        }

        return extents;
    }
}
