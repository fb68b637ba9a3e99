using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>QCOW version 1, the forerunner of qcow2, still found in archives. Read only.</summary>
public sealed class Qcow1Format : DiskFormat
{
    private Qcow1Format()
    {
    }

    /// <summary>The format.</summary>
    public static Qcow1Format Instance { get; } = new();

    /// <inheritdoc/>
    public override string Name => Qcow1Header.FormatName;

    /// <inheritdoc/>
    public override string Description => "QEMU copy-on-write image, version 1";

    /// <inheritdoc/>
    public override IReadOnlyList<string> FileExtensions { get; } = [".qcow"];

    /// <inheritdoc/>
    public override bool IsMatch(in DiskProbe probe) =>
        probe.Header.Length >= Qcow1Header.Length && BinaryPrimitives.ReadUInt32BigEndian(probe.Header) == Qcow2Constants.Magic
        && BinaryPrimitives.ReadUInt32BigEndian(probe.Header[4..]) == 1;

    /// <inheritdoc/>
    protected override async ValueTask<VirtualDisk> OpenCoreAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        Qcow1Header header = await Qcow1Header.ReadAsync(container, options.Limits, mode, cancellationToken).ConfigureAwait(false);
        Qcow2Cipher? cipher = null;
        if (header.CryptMethod != 0)
        {
            LockedCipher locked = new(Name, 36, "aes-encryption");
            cipher = options.Passphrase is { } passphrase ? new LegacyAesCipher(passphrase) : options.IsInspection ? locked : throw locked.Refusal();
        }

        if (options.InternalSnapshot is { } snapshot)
        {
            throw new UnsupportedDiskFeatureException(Name, 0, "snapshots", $"the snapshot '{snapshot}' was asked for, and version 1 has no snapshots.");
        }

        ulong[] l1 = await Qcow2Tables.ReadAsync(container, header.L1Offset, header.L1Entries, "The L1 table", options.Limits, mode, cancellationToken).ConfigureAwait(false);
        return new Qcow1Disk(container, header, l1, cipher, options);
    }

    /// <inheritdoc/>
    protected internal override ValueTask AddConcernsAsync(VirtualDisk disk, VirtualDisk container, ICollection<DiskConcern> concerns, IoMode mode, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(disk);
        ArgumentNullException.ThrowIfNull(concerns);
        Qcow2Concerns.AddNames(disk.Info, concerns);
        return ValueTask.CompletedTask;
    }
}
