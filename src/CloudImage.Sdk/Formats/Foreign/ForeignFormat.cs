using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Foreign;

/// <summary>A format that is recognised so that it can be named, and is not read: its files are never taken as raw content.</summary>
internal sealed class ForeignFormat : DiskFormat
{
    private readonly string _advice;
    private readonly ForeignMark[] _marks;

    private ForeignFormat(string name, string description, string extension, string advice, params ForeignMark[] marks)
    {
        Name = name;
        Description = description;
        FileExtensions = [extension];
        _advice = advice;
        _marks = marks;
    }

    /// <summary>Every such format.</summary>
    public static ForeignFormat[] All { get; } =
    [
        // ploop and Parallels Desktop: docs/interop/parallels of QEMU.
        new("parallels", "Parallels disk image", ".hdd", "Convert it with 'qemu-img convert -f parallels -O qcow2'.",
            new ForeignMark(0, "WithoutFreeSpace"), new ForeignMark(0, "WithouFreSpacExt")),
        new("qed", "QEMU enhanced disk, deprecated", ".qed", "Convert it with 'qemu-img convert -f qed -O qcow2'.",
            new ForeignMark(0, "QED\0")),

        // The trailer ("koly", version 4, 512 bytes long) is the last sector of the file.
        new("dmg", "Apple disk image", ".dmg", "Convert it with 'hdiutil convert -format UDTO' or 'qemu-img convert -f dmg -O raw'.",
            new ForeignMark(-512, "koly\0\0\0\u0004\0\0\u0002\0")),

        // Both versions: the magic, then the version as a big-endian number.
        new("luks", "LUKS-encrypted volume", ".luks", "Unlock it with 'cryptsetup open' and convert what it holds; where the encrypted bytes themselves are meant, name the format raw.",
            new ForeignMark(0, "LUKS\u00ba\u00be\0\u0001"), new ForeignMark(0, "LUKS\u00ba\u00be\0\u0002")),

        // ISO 9660, section 8.1: the first volume descriptor, any type, is in sector 16 of 2048 bytes.
        new("iso", "ISO 9660 file system: an installation medium, not a disk", ".iso", "Where its bytes are meant as a disk (a hybrid image), name the format raw.",
            new ForeignMark(0x8001, "CD001\u0001")),
    ];

    public override string Name { get; }

    public override string Description { get; }

    public override IReadOnlyList<string> FileExtensions { get; }

    public override bool CanOpen => false;

    public override bool IsMatch(in DiskProbe probe)
    {
        foreach (ForeignMark mark in _marks)
        {
            if (mark.IsIn(probe))
            {
                return true;
            }
        }

        return false;
    }

    protected override ValueTask<VirtualDisk> OpenCoreAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        long fileOffset = _marks[0].FileOffset;
        throw new UnsupportedDiskFeatureException(
            Name, fileOffset >= 0 ? fileOffset : Math.Max(0, container.Length + fileOffset), Name, $"The file bears the marks of the format {Name} ({Description}), which is recognised and not read. {_advice}");
    }
}
