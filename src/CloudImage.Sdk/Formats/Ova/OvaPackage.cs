using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats.Archives;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Ova;

/// <summary>An OVA package: a tar archive with an OVF descriptor, its manifest and its disks. Nothing is ever extracted.</summary>
/// <remarks>
/// <para>Opening reads the headers of the archive, the descriptor and the manifest, wherever they stand; the digest of the
/// descriptor is checked at once, those of the disks when <see cref="Verify"/> is called, as it reads all of them.</para>
/// <para>Thread-safe. Owns the container, unless told to leave it open; disks that were opened from it must not be used after it is disposed.</para>
/// </remarks>
public sealed class OvaPackage : IDisposable, IAsyncDisposable
{
    private readonly VirtualDisk _container;
    private readonly OvaMembers _members;
    private readonly DiskOpenOptions _options;

    private OvaPackage(VirtualDisk container, OvaMembers members, OvfDescriptor descriptor, IReadOnlyList<OvaManifestEntry> manifest, DiskOpenOptions options)
    {
        _container = container;
        _members = members;
        _options = options;
        Descriptor = descriptor;
        Manifest = manifest;
        FileNames = [.. members.InOrder.Select(static member => member.Name)];
    }

    /// <summary>What the descriptor says of the machine.</summary>
    public OvfDescriptor Descriptor { get; }

    /// <summary>The digests of the manifest; empty where the package has none.</summary>
    public IReadOnlyList<OvaManifestEntry> Manifest { get; }

    /// <summary>Names of the files, in the order of the archive. Untrusted; each is a plain name without a folder.</summary>
    public IReadOnlyList<string> FileNames { get; }

    internal OvaMembers Members => _members;

    /// <summary>Opens a package.</summary>
    /// <param name="container">The bytes; owned from here on, also when opening fails, unless <see cref="DiskOpenOptions.LeaveOpen"/>.</param>
    /// <param name="options">What reading may cost.</param>
    /// <returns>The package, which the caller owns.</returns>
    /// <exception cref="DiskFormatException">It is no valid package, or its descriptor is not the one of the manifest.</exception>
    public static OvaPackage Open(VirtualDisk container, DiskOpenOptions options) =>
        SyncBridge.Completed(OpenAsync(container, options, IoMode.Synchronous, CancellationToken.None));

    /// <summary>Opens a package.</summary>
    /// <param name="container">The bytes; owned from here on, also when opening fails, unless <see cref="DiskOpenOptions.LeaveOpen"/>.</param>
    /// <param name="options">What reading may cost.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The package, which the caller owns.</returns>
    /// <exception cref="DiskFormatException">It is no valid package, or its descriptor is not the one of the manifest.</exception>
    public static ValueTask<OvaPackage> OpenAsync(VirtualDisk container, DiskOpenOptions options, CancellationToken cancellationToken = default) =>
        OpenAsync(container, options, IoMode.Asynchronous, cancellationToken);

    /// <summary>Opens a disk of the package.</summary>
    /// <param name="name">Its id, its file's name, or its number from 0; null for the only one, or the first.</param>
    /// <returns>The disk, which the caller owns.</returns>
    /// <exception cref="DiskFormatException">The disk is not valid.</exception>
    /// <exception cref="DiskReferenceException">There is no such disk, or its file is not in the package.</exception>
    /// <exception cref="UnsupportedDiskFeatureException">The disk is the difference to another, or of a format or compression that is not supported.</exception>
    public VirtualDisk OpenDisk(string? name) => SyncBridge.Completed(OpenDiskAsync(name, IoMode.Synchronous, CancellationToken.None));

    /// <summary>Opens a disk of the package.</summary>
    /// <param name="name">Its id, its file's name, or its number from 0; null for the only one, or the first.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The disk, which the caller owns.</returns>
    /// <exception cref="DiskFormatException">The disk is not valid.</exception>
    /// <exception cref="DiskReferenceException">There is no such disk, or its file is not in the package.</exception>
    /// <exception cref="UnsupportedDiskFeatureException">The disk is the difference to another, or of a format or compression that is not supported.</exception>
    public ValueTask<VirtualDisk> OpenDiskAsync(string? name, CancellationToken cancellationToken = default) =>
        OpenDiskAsync(name, IoMode.Asynchronous, cancellationToken);

    /// <summary>Opens the bytes of a file of the package.</summary>
    /// <param name="name">One of <see cref="FileNames"/>.</param>
    /// <returns>The bytes; disposing them leaves the package open.</returns>
    /// <exception cref="DiskReferenceException">There is no such file.</exception>
    public VirtualDisk OpenFile(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Slice(_members.Find(name) ?? throw new DiskReferenceException($"The package has no file '{name}'; it has {string.Join(", ", FileNames.Take(20))}."));
    }

    /// <summary>Reads every file that the manifest lists and compares its digest.</summary>
    /// <returns>What does not agree: wrong digests, files without one, digests without a file. Empty where all is well; a package without a manifest has one warning.</returns>
    public IReadOnlyList<DiskProblem> Verify() => SyncBridge.Completed(OvaVerifier.VerifyAsync(this, IoMode.Synchronous, CancellationToken.None));

    /// <summary>Reads every file that the manifest lists and compares its digest.</summary>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>What does not agree: wrong digests, files without one, digests without a file. Empty where all is well; a package without a manifest has one warning.</returns>
    public ValueTask<IReadOnlyList<DiskProblem>> VerifyAsync(CancellationToken cancellationToken = default) =>
        OvaVerifier.VerifyAsync(this, IoMode.Asynchronous, cancellationToken);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_options.LeaveOpen)
        {
            _container.Dispose();
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _options.LeaveOpen ? ValueTask.CompletedTask : _container.DisposeAsync();

    internal static async ValueTask<OvaPackage> OpenAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(container);
        ArgumentNullException.ThrowIfNull(options);
        try
        {
            return await OpenCoreAsync(container, options, mode, cancellationToken).ConfigureAwait(false);
        }
        catch when (!options.LeaveOpen)
        {
            container.Dispose();
            throw;
        }
    }

    internal async ValueTask<VirtualDisk> OpenDiskAsync(string? name, IoMode mode, CancellationToken cancellationToken)
    {
        OvfDisk disk = OvaDiskChoice.Choose(Descriptor, name);
        if (disk.File is null)
        {
            return new ZeroDisk(disk.Capacity);
        }

        VirtualDisk bytes = await OpenBytesAsync(disk, mode, cancellationToken).ConfigureAwait(false);
        try
        {
            DiskFormat format = await OvaDiskChoice.DetectAsync(disk, bytes, mode, cancellationToken).ConfigureAwait(false);
            return await format.OpenAsync(bytes, Nested(format), mode, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            bytes.Dispose();
            throw;
        }
    }

    /// <summary>The bytes of a disk's file, put together and decompressed.</summary>
    internal async ValueTask<VirtualDisk> OpenBytesAsync(OvfDisk disk, IoMode mode, CancellationToken cancellationToken)
    {
        OvfFile file = disk.File!;
        List<TarMember> parts = _members.FindParts(file);
        SegmentedDisk stored = new(parts.ConvertAll(part => (_container, part.DataOffset, part.Length)), null);
        return file.Compression is null ? stored
            : await GzipDisk.OpenAsync(stored, OvaConstants.Name, OvaDiskChoice.MaxFileLength(disk.Capacity), _options.Limits, mode, cancellationToken).ConfigureAwait(false);
    }

    internal SegmentedDisk Slice(TarMember member) => new([(_container, member.DataOffset, member.Length)], null);

    private static async ValueTask<OvaPackage> OpenCoreAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        OvaMembers members = await OvaMembers.ReadAsync(container, options.Limits, mode, cancellationToken).ConfigureAwait(false);
        TarMember descriptor = members.FindByExtension(OvaConstants.DescriptorExtension)
            ?? throw new DiskFormatException(OvaConstants.Name, 0, "The archive holds no OVF descriptor ('.ovf'), so that it is no OVA package.");
        byte[] xml = await ReadTextAsync(container, descriptor, options.Limits, mode, cancellationToken).ConfigureAwait(false);
        List<OvaManifestEntry> manifest = [];
        if (members.FindByExtension(OvaConstants.ManifestExtension) is { } member)
        {
            byte[] text = await ReadTextAsync(container, member, options.Limits, mode, cancellationToken).ConfigureAwait(false);
            manifest = OvaManifest.Parse(text, member.DataOffset, options.Limits);
            OvaVerifier.ThrowIfOther(manifest, descriptor, xml);
        }

        return new OvaPackage(container, members, OvfDescriptor.Parse(xml, options.Limits), manifest, options);
    }

    private static async ValueTask<byte[]> ReadTextAsync(VirtualDisk container, TarMember member, DiskReadLimits limits, IoMode mode, CancellationToken cancellationToken)
    {
        if (member.Length > limits.MaxTextLength)
        {
            throw new DiskFormatException(OvaConstants.Name, member.HeaderOffset, $"The file '{member.Name}' has {member.Length} bytes, more than {limits.MaxTextLength} (DiskReadLimits.MaxTextLength).");
        }

        byte[] text = new byte[(int)member.Length];
        await container.ReadAsync(text, member.DataOffset, mode, cancellationToken).ConfigureAwait(false);
        return text;
    }

    private DiskOpenOptions Nested(DiskFormat format) => new()
    {
        Format = format,
        AllowRawFallback = false,
        References = new OvaMemberResolver(this),
        Limits = _options.Limits,
        Passphrase = _options.Passphrase,
        IsLenient = _options.IsLenient,
        LoggerFactory = _options.LoggerFactory,
    };
}
