using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats.Archives;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Ova;

/// <summary>Walks through a package that comes once: descriptor, manifest, disk, and what follows.</summary>
internal sealed class OvaSequentialReader
{
    private readonly OvaMembers _members = new();
    private readonly DiskOpenOptions _options;
    private byte[]? _descriptorText;
    private TarMember? _descriptorMember;

    public OvaSequentialReader(Stream stream, DiskOpenOptions options)
    {
        _options = options;
        Tar = new TarReader(stream, OvaConstants.Name, options.Limits);
    }

    public TarReader Tar { get; }

    public OvfDescriptor? Descriptor { get; private set; }

    public List<OvaManifestEntry> Manifest { get; private set; } = [];

    /// <summary>The digests that the manifest has; all that it may have while it is still to come.</summary>
    public string[] Algorithms => Manifest.Count == 0 ? ["SHA1", "SHA256", "SHA512"] : [.. Manifest.Select(static entry => entry.Algorithm).Distinct()];

    /// <summary>Reads up to the first member of the disk that is asked for.</summary>
    public async ValueTask<(OvfDisk Disk, TarMember Member)> FindDiskAsync(IoMode mode, CancellationToken cancellationToken)
    {
        OvfDisk? disk = null;
        while (await Tar.ReadNextAsync(mode, cancellationToken).ConfigureAwait(false) is { } member)
        {
            if (member.IsDirectory)
            {
                continue;
            }

            _members.Add(member);
            if (await TakeTextAsync(member, mode, cancellationToken).ConfigureAwait(false))
            {
                continue;
            }

            if (Descriptor is null)
            {
                throw new UnsupportedDiskFeatureException(OvaConstants.Name, member.HeaderOffset, "order", $"The file '{member.Name}' comes before the descriptor. A package is read from a pipe only in the order of the standard; store it in a file first.");
            }

            disk ??= OvaDiskChoice.Choose(Descriptor, _options.DiskName);
            string? wanted = disk.File?.Name;
            if (wanted is not null && (member.Name == wanted || member.Name == Uri.UnescapeDataString(wanted) || member.Name == OvaMembers.PartName(wanted, 0)))
            {
                return (disk, member);
            }
        }

        throw Descriptor is null
            ? new DiskFormatException(OvaConstants.Name, Tar.Position, "The archive holds no OVF descriptor ('.ovf'), so that it is no OVA package.")
            : new DiskFormatException(OvaConstants.Name, Tar.Position, $"The archive ended without the file of disk {disk?.ToString() ?? _options.DiskName}.");
    }

    /// <summary>Reads what follows the disk, and compares the digests.</summary>
    public async ValueTask ReadEndAsync(OvaPartStream parts, IoMode mode, CancellationToken cancellationToken)
    {
        TarMember? member = parts.Following;
        while (member is not null)
        {
            if (!member.IsDirectory)
            {
                _members.Add(member);
                await TakeTextAsync(member, mode, cancellationToken).ConfigureAwait(false);
            }

            member = await Tar.ReadNextAsync(mode, cancellationToken).ConfigureAwait(false);
        }

        foreach (OvaManifestEntry entry in Manifest)
        {
            if (parts.DigestOf(entry.FileName, entry.Algorithm) is { } digest)
            {
                OvaVerifier.ThrowIfOther(entry, digest, 0);
            }
        }
    }

    private async ValueTask<bool> TakeTextAsync(TarMember member, IoMode mode, CancellationToken cancellationToken)
    {
        bool isDescriptor = member.Name.EndsWith(OvaConstants.DescriptorExtension, StringComparison.OrdinalIgnoreCase);
        bool isManifest = member.Name.EndsWith(OvaConstants.ManifestExtension, StringComparison.OrdinalIgnoreCase);
        if (!isDescriptor && !isManifest)
        {
            return member.Name.EndsWith(OvaConstants.CertificateExtension, StringComparison.OrdinalIgnoreCase);
        }

        if (member.Length > _options.Limits.MaxTextLength || (isDescriptor ? Descriptor is not null : Manifest.Count > 0))
        {
            throw new DiskFormatException(OvaConstants.Name, member.HeaderOffset, $"The file '{member.Name}' has {member.Length} bytes, or is the second of its kind; at most {_options.Limits.MaxTextLength} bytes (DiskReadLimits.MaxTextLength) and one of each are allowed.");
        }

        byte[] text = new byte[(int)member.Length];
        await Tar.ReadAsync(text, mode, cancellationToken).ConfigureAwait(false);
        if (isDescriptor)
        {
            _descriptorText = text;
            _descriptorMember = member;
            Descriptor = OvfDescriptor.Parse(text, _options.Limits);
        }
        else
        {
            Manifest = OvaManifest.Parse(text, member.DataOffset, _options.Limits);
        }

        if (_descriptorMember is not null)
        {
            OvaVerifier.ThrowIfOther(Manifest, _descriptorMember, _descriptorText);
        }

        return true;
    }
}
