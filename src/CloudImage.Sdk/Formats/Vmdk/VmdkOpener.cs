using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>Opens one VMDK layer, whichever file of it the container is: a sparse extent with its descriptor inside, or a descriptor of its own.</summary>
internal sealed class VmdkOpener
{
    private readonly VirtualDisk _container;
    private readonly VmdkDiskContext _context;
    private readonly IoMode _mode;
    private readonly CancellationToken _cancellationToken;
    private readonly List<VmdkExtent> _extents = [];
    private readonly List<VirtualDisk> _owned = [];
    private readonly Dictionary<string, VirtualDisk> _opened = new(StringComparer.Ordinal);
    private readonly List<DiskReference> _references = [];
    private readonly List<DiskConcern> _concerns = [];
    private readonly List<string> _features = [];
    private VmdkDescriptor? _descriptor;
    private string? _variant;
    private long _grainSize;
    private long _length;
    private bool _isDirty;

    private VmdkOpener(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        _container = container;
        _context = new VmdkDiskContext(options);
        _mode = mode;
        _cancellationToken = cancellationToken;
    }

    public static async ValueTask<VirtualDisk> OpenAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        VmdkOpener opener = new(container, options, mode, cancellationToken);
        try
        {
            return await opener.OpenAsync().ConfigureAwait(false);
        }
        catch
        {
            opener._owned.ForEach(static extent => extent.Dispose());
            throw;
        }
    }

    /// <summary>Reads the descriptor that a header points to; null where it has none.</summary>
    public static async ValueTask<VmdkDescriptor?> ReadEmbeddedAsync(VirtualDisk container, VmdkHeader header, DiskReadLimits limits, IoMode mode, CancellationToken cancellationToken)
    {
        if (header.DescriptorSector == 0 || header.DescriptorSectors == 0)
        {
            return null;
        }

        if (header.DescriptorSectors > (ulong)limits.MaxTextLength / VmdkConstants.SectorSize
            || header.DescriptorSector > (ulong)container.Length / VmdkConstants.SectorSize)
        {
            throw new DiskFormatException(VmdkConstants.FormatName, 28, $"The descriptor of {header.DescriptorSectors} sectors at sector {header.DescriptorSector} lies outside the file, or is longer than {limits.MaxTextLength} bytes (DiskReadLimits.MaxTextLength).");
        }

        byte[] text = new byte[(int)header.DescriptorSectors * VmdkConstants.SectorSize];
        long fileOffset = (long)header.DescriptorSector * VmdkConstants.SectorSize;
        int read = await container.ReadAsync(text, fileOffset, mode, cancellationToken).ConfigureAwait(false);
        return text.AsSpan(0, read).IndexOfAnyExcept((byte)0) < 0 ? null : VmdkDescriptor.Parse(text.AsSpan(0, read), fileOffset, limits);
    }

    private async ValueTask<VirtualDisk> OpenAsync()
    {
        byte[] sector = await ReadHeaderAsync(_container).ConfigureAwait(false);
        if (VmdkHeader.HasMagic(sector))
        {
            await OpenHostedAsync(VmdkHeader.Parse(sector, 0)).ConfigureAwait(false);
        }
        else if (VmdkCowdExtent.HasMagic(sector) || VmdkSeSparseHeader.HasMagic(sector))
        {
            _variant = VmdkCowdExtent.HasMagic(sector) ? "vmfsSparse" : "seSparse";
            await AddSparseAsync(_container, sector, 0, null).ConfigureAwait(false);
        }
        else
        {
            await OpenDescriptorAsync().ConfigureAwait(false);
        }

        return Build();
    }

    // The name in an embedded descriptor's extent line is whatever the exporter wrote, or nothing: this file is the extent.
    private async ValueTask OpenHostedAsync(VmdkHeader header)
    {
        _descriptor = await ReadEmbeddedAsync(_container, header, _context.Limits, _mode, _cancellationToken).ConfigureAwait(false);
        if (header.Capacity == 0 && _descriptor is { Extents.Count: > 0 } && _descriptor.Extents[0].Sectors > 0)
        {
            // A header around a descriptor of other files: qemu follows it, and so does the resolver's policy here.
            await AddExtentsAsync(_descriptor).ConfigureAwait(false);
            return;
        }

        _variant = header.IsCompressed ? "streamOptimized" : _descriptor is null ? "sparse" : "monolithicSparse";
        await AddSparseAsync(_container, null, 0, header).ConfigureAwait(false);
        AddEmbeddedConcerns(header);
    }

    private void AddEmbeddedConcerns(VmdkHeader header)
    {
        if (_descriptor is null)
        {
            return;
        }

        if (header.DescriptorSector != 1)
        {
            _concerns.Add(new DiskConcern("descriptor-position", $"The embedded descriptor lies at sector {header.DescriptorSector}, not at 1, where every producer puts it."));
        }

        if (_descriptor.Extents.Count != 1 || !_descriptor.Extents[0].IsSparse)
        {
            _concerns.Add(new DiskConcern("extent-mismatch", $"The embedded descriptor lists {_descriptor.Extents.Count} extents ({(_descriptor.Extents.Count == 0 ? "none" : _descriptor.Extents[0].Type)} first); one sparse extent, the file itself, was expected. Another reader may open the named files."));
        }
        else if ((ulong)_descriptor.Extents[0].Sectors != header.Capacity)
        {
            _concerns.Add(new DiskConcern("size-mismatch", $"The embedded descriptor gives the disk {_descriptor.Extents[0].Sectors} sectors, the header {header.Capacity}."));
        }
    }

    private async ValueTask OpenDescriptorAsync()
    {
        if (_container.Length > _context.Limits.MaxTextLength)
        {
            throw new DiskFormatException(VmdkConstants.FormatName, 0, $"The file has no mark of a sparse extent, and is too long for a descriptor: {_container.Length} bytes, at most {_context.Limits.MaxTextLength} (DiskReadLimits.MaxTextLength).");
        }

        byte[] text = new byte[_container.Length];
        await _container.ReadAsync(text, 0, _mode, _cancellationToken).ConfigureAwait(false);
        if (!VmdkDescriptor.IsMatch(text))
        {
            throw new DiskFormatException(VmdkConstants.FormatName, 0, "The file is neither a sparse extent nor a descriptor.");
        }

        _descriptor = VmdkDescriptor.Parse(text, 0, _context.Limits);
        if (_descriptor.Extents.Count == 0)
        {
            throw new DiskFormatException(VmdkConstants.FormatName, 0, "The descriptor lists no extent.");
        }

        await AddExtentsAsync(_descriptor).ConfigureAwait(false);
    }

    private async ValueTask AddExtentsAsync(VmdkDescriptor descriptor)
    {
        foreach (VmdkExtentLine line in descriptor.Extents)
        {
            if (line.Sectors == 0)
            {
                continue;
            }

            long length = line.Sectors * VmdkConstants.SectorSize;
            if (length > _context.Limits.MaxVirtualSize - _length)
            {
                throw new DiskFormatException(VmdkConstants.FormatName, line.FileOffset, $"The extents together exceed the limit of {_context.Limits.MaxVirtualSize} bytes (DiskReadLimits.MaxVirtualSize).");
            }

            await AddExtentAsync(line, length).ConfigureAwait(false);
        }
    }

    private async ValueTask AddExtentAsync(VmdkExtentLine line, long length)
    {
        long start = _length;
        _length += length;
        if (line.IsZero)
        {
            _extents.Add(new VmdkZeroExtent(start, length));
            return;
        }

        if (!line.IsFlat && !line.IsSparse)
        {
            throw new UnsupportedDiskFeatureException(VmdkConstants.FormatName, line.FileOffset, $"extent-{VmdkText.Shorten(line.Type)}", $"The extent type '{VmdkText.Shorten(line.Type)}' is not supported: raw devices and unknown types hold no image content.");
        }

        DiskReference reference = new(DiskReferenceKind.Data, line.FileName) { FormatName = line.IsFlat ? "raw" : VmdkConstants.FormatName };
        VmdkExtentName.Check(reference, line.FileOffset);
        AddReference(reference);
        if (line.Access == "NOACCESS" || _context.Options.References is null)
        {
            _extents.Add(new VmdkUnopenedExtent(reference, start, length));
            return;
        }

        VirtualDisk file = await OpenFileAsync(reference).ConfigureAwait(false);
        if (line.IsFlat)
        {
            AddFlat(file, line, start, length);
        }
        else
        {
            await AddSparseAsync(file, null, length, null).ConfigureAwait(false);
        }
    }

    private void AddReference(DiskReference reference)
    {
        if (VmdkExtentName.IsOutside(reference.Name))
        {
            _concerns.Add(new DiskConcern("extent-path", $"The extent file '{VmdkText.Shorten(reference.Name)}' is named with a path."));
        }

        _references.Add(reference);
    }

    private void AddFlat(VirtualDisk file, VmdkExtentLine line, long start, long length)
    {
        long fileOffset = line.FirstSector * VmdkConstants.SectorSize;
        if (!_context.Options.IsLenient && (fileOffset > file.Length || length > file.Length - fileOffset))
        {
            throw new DiskFormatException(VmdkConstants.FormatName, line.FileOffset, $"The extent '{VmdkText.Shorten(line.FileName)}' has {file.Length} bytes; {length} from {fileOffset} on are asked for.");
        }

        _extents.Add(new VmdkFlatExtent(file, fileOffset, start, length));
    }

    private async ValueTask<VirtualDisk> OpenFileAsync(DiskReference reference)
    {
        if (_opened.TryGetValue(reference.Name, out VirtualDisk? known))
        {
            return known;
        }

        VirtualDisk file = await _context.Options.References!.ResolveAsync(reference, _mode, _cancellationToken).ConfigureAwait(false)
            ?? throw new DiskReferenceException(reference, $"The extent file '{VmdkText.Shorten(reference.Name)}' was not found.");
        _owned.Add(file);
        _opened.Add(reference.Name, file);
        return file;
    }

    /// <summary>Adds a sparse extent of whichever kind the file is.</summary>
    /// <param name="file">The file.</param>
    /// <param name="sector">Its first sector where that was read already.</param>
    /// <param name="lineLength">What the descriptor says of its length; 0 to take the header's word.</param>
    /// <param name="known">Its header where that was read already.</param>
    private async ValueTask AddSparseAsync(VirtualDisk file, byte[]? sector, long lineLength, VmdkHeader? known)
    {
        sector ??= known is null ? await ReadHeaderAsync(file).ConfigureAwait(false) : null;
        VmdkExtent extent;
        if (known is { } header || VmdkHeader.HasMagic(sector))
        {
            header = known ?? VmdkHeader.Parse(sector, 0);
            (long start, long length) = Place(lineLength, header.Length);
            VmdkHostedExtent hosted = await VmdkHostedExtent.OpenAsync(file, header, _context, start, length, _mode, _cancellationToken).ConfigureAwait(false);
            Describe(hosted);
            extent = hosted;
        }
        else if (VmdkCowdExtent.HasMagic(sector))
        {
            (long start, long length) = Place(lineLength, VmdkCowdExtent.LengthOf(sector));
            extent = await VmdkCowdExtent.OpenAsync(file, sector, _context, start, length, _mode, _cancellationToken).ConfigureAwait(false);
        }
        else if (VmdkSeSparseHeader.HasMagic(sector))
        {
            VmdkSeSparseHeader seSparse = VmdkSeSparseHeader.Parse(sector);
            (long start, long length) = Place(lineLength, seSparse.Length);
            extent = await VmdkSeSparseExtent.OpenAsync(file, seSparse, _context, start, length, _mode, _cancellationToken).ConfigureAwait(false);
        }
        else
        {
            throw new DiskFormatException(VmdkConstants.FormatName, 0, "The file of a sparse extent bears none of the marks KDMV, COWD and seSparse.");
        }

        _grainSize = Math.Max(_grainSize, ((VmdkSparseExtent)extent).GrainSize);
        if (extent.Length > 0)
        {
            _extents.Add(extent);
        }
    }

    private (long Start, long Length) Place(long lineLength, long headerLength)
    {
        if (lineLength == 0)
        {
            if (headerLength > _context.Limits.MaxVirtualSize)
            {
                throw new DiskFormatException(VmdkConstants.FormatName, 12, $"The disk has {headerLength} bytes, more than the limit of {_context.Limits.MaxVirtualSize} (DiskReadLimits.MaxVirtualSize).");
            }

            _length = headerLength;
            return (0, headerLength);
        }

        if (lineLength > headerLength)
        {
            throw new DiskFormatException(VmdkConstants.FormatName, 12, $"The extent holds {headerLength} bytes; the descriptor asks for {lineLength}.");
        }

        return (_length - lineLength, lineLength);
    }

    private void Describe(VmdkHostedExtent hosted)
    {
        _isDirty |= hosted.Header.IsUnclean;
        AddFeature(hosted.Header.IsCompressed, "compressed");
        AddFeature(hosted.Header.HasMarkers, "markers");
        AddFeature(hosted.Header.HasZeroedGrains, "zeroed-grains");
        AddFeature((hosted.Header.Flags & VmdkHeaderFlags.RedundantDirectory) != 0, "redundant-directory");
        if (hosted.IsRepaired)
        {
            _isDirty = true;
            AddFeature(true, "repaired-directory");
            _concerns.Add(new DiskConcern("damaged-directory", "The grain directory is damaged; the redundant one stands in for it."));
        }
    }

    private void AddFeature(bool isPresent, string name)
    {
        if (isPresent && !_features.Contains(name))
        {
            _features.Add(name);
        }
    }

    private async ValueTask<byte[]> ReadHeaderAsync(VirtualDisk file)
    {
        byte[] sector = new byte[VmdkConstants.SectorSize];
        await file.ReadAsync(sector, 0, _mode, _cancellationToken).ConfigureAwait(false);
        return sector;
    }

    private VmdkDisk Build()
    {
        bool hasParent = _descriptor is { HasParent: true };
        if (hasParent)
        {
            _references.Insert(0, new DiskReference(DiskReferenceKind.Parent, _descriptor!.ParentFileName ?? string.Empty)
            {
                FormatName = VmdkConstants.FormatName,
                LinkageId = FormatId(_descriptor.ParentContentId),
            });
        }

        if (!_context.Options.LeaveOpen)
        {
            _owned.Add(_container);
        }

        return new VmdkDisk(Describe(), [.. _extents], _owned, _concerns, hasParent && !_context.Options.IgnoreMissingParent);
    }

    private DiskInfo Describe()
    {
        Dictionary<string, string> details = new(StringComparer.Ordinal);
        if (_descriptor is not null)
        {
            AddDetail(details, "createType", _descriptor.CreateType);
            AddDetail(details, "CID", FormatId(_descriptor.ContentId));
            AddDetail(details, "parentCID", _descriptor.HasParent ? FormatId(_descriptor.ParentContentId) : null);
            AddDetail(details, "adapterType", _descriptor.Find("ddb.adapterType"));
            AddDetail(details, "virtualHWVersion", _descriptor.Find("ddb.virtualHWVersion"));
            AddDetail(details, "longContentID", _descriptor.Find("ddb.longContentID"));
        }

        return new DiskInfo
        {
            FormatName = VmdkConstants.FormatName,
            VirtualSize = _length,
            Variant = _variant ?? _descriptor?.CreateType,
            ContainerLength = _container.Length,
            AllocationUnitSize = (int)Math.Min(_grainSize, int.MaxValue),
            LinkageId = _descriptor is null ? null : FormatId(_descriptor.ContentId),
            References = _references,
            Features = _features,
            IsDirty = _isDirty,
            Details = details,
        };
    }

    private static void AddDetail(Dictionary<string, string> details, string name, string? value)
    {
        if (!string.IsNullOrEmpty(value))
        {
            details[name] = value;
        }
    }

    private static string FormatId(uint id) => id.ToString("x8", CultureInfo.InvariantCulture);
}
