using System;
using System.Collections.Generic;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vhd;

/// <summary>Footer, dynamic header and parent names of one image, validated: what reading, checking and resizing begin with.</summary>
internal sealed class VhdImage
{
    /// <summary>How far before the end of a file a footer is looked for when it is opened leniently: some tools pad.</summary>
    private const int LenientSearchLength = 65536;

    private static readonly uint[] s_locatorOrder = [VhdConstants.LocatorRelative, VhdConstants.LocatorAbsolute, VhdConstants.LocatorMacUrl];

    public required VhdFooter Footer { get; init; }

    /// <summary>Position of the footer that is used.</summary>
    public required long FooterOffset { get; init; }

    /// <summary>Length of the file in bytes.</summary>
    public required long FileLength { get; init; }

    /// <summary>Length of the disk in bytes.</summary>
    public required long Length { get; init; }

    /// <summary>What was worked around; null for an image in order.</summary>
    public string? Recovery { get; init; }

    /// <summary>The dynamic header; null for a fixed disk.</summary>
    public VhdDynamicHeader? Header { get; init; }

    /// <summary>Names of the parent in the order in which they are tried.</summary>
    public IReadOnlyList<string> ParentNames { get; init; } = [];

    public bool IsDifferencing => Footer.Type == VhdDiskType.Differencing;

    public long TableOffset => (long)Header!.TableOffset;

    public int BlockSize => (int)Header!.BlockSize;

    /// <summary>Length in bytes of the sector bitmap in front of each block: one bit a sector, filled up to a sector.</summary>
    public int BitmapLength => BitmapLengthOf(BlockSize);

    /// <summary>Blocks that the disk has. The table may have more.</summary>
    public long BlockCount => (Length + BlockSize - 1) / BlockSize;

    public static int BitmapLengthOf(int blockSize)
    {
        int bytes = Math.Max(1, blockSize / VhdConstants.SectorSize / 8);
        return (bytes + VhdConstants.SectorSize - 1) / VhdConstants.SectorSize * VhdConstants.SectorSize;
    }

    public static async ValueTask<VhdImage> LoadAsync(VirtualDisk container, bool isLenient, DiskReadLimits limits, IoMode mode, CancellationToken cancellationToken)
    {
        (VhdFooter footer, long footerOffset, string? recovery) = await FindFooterAsync(container, isLenient, mode, cancellationToken).ConfigureAwait(false);
        long length = Validate(footer, footerOffset, limits);
        if (footer.Type == VhdDiskType.Fixed)
        {
            if (length > footerOffset && !isLenient)
            {
                throw Fault(footerOffset + 48, $"the disk has {length} bytes and only {footerOffset} lie before the footer. A lenient open reads what is missing as zeros.");
            }

            return new VhdImage { Footer = footer, FooterOffset = footerOffset, FileLength = container.Length, Length = length, Recovery = recovery };
        }

        (VhdDynamicHeader header, bool isDamaged) = await ReadHeaderAsync(container, footer, length, isLenient, mode, cancellationToken).ConfigureAwait(false);
        return new VhdImage
        {
            Footer = footer,
            FooterOffset = footerOffset,
            FileLength = container.Length,
            Length = length,
            Recovery = recovery ?? (isDamaged ? "the checksum of the dynamic header is wrong" : null),
            Header = header,
            ParentNames = footer.Type == VhdDiskType.Differencing
                ? await ReadParentNamesAsync(container, header, limits, mode, cancellationToken).ConfigureAwait(false)
                : [],
        };
    }

    public static DiskFormatException Fault(long fileOffset, string message) => new(VhdConstants.FormatName, fileOffset, message);

    private static async ValueTask<(VhdFooter Footer, long Offset, string? Recovery)> FindFooterAsync(VirtualDisk container, bool isLenient, IoMode mode, CancellationToken cancellationToken)
    {
        long fileLength = container.Length;
        if (fileLength < VhdConstants.OldFooterLength)
        {
            throw Fault(0, $"the file has {fileLength} bytes, fewer than a footer.");
        }

        byte[] tail = new byte[(int)Math.Min(fileLength, isLenient ? LenientSearchLength : VhdConstants.FooterLength)];
        await container.ReadAsync(tail, fileLength - tail.Length, mode, cancellationToken).ConfigureAwait(false);
        long tailOffset = fileLength - tail.Length;
        VhdFooter? last = tail.Length < VhdConstants.FooterLength ? null : VhdFooter.Read(tail.AsSpan(tail.Length - VhdConstants.FooterLength));
        VhdFooter? old = VhdFooter.Read(tail.AsSpan(tail.Length - VhdConstants.OldFooterLength));
        if (last is { IsChecksumValid: true })
        {
            return (last, fileLength - VhdConstants.FooterLength, null);
        }

        if (old is { IsChecksumValid: true })
        {
            return (old, fileLength - VhdConstants.OldFooterLength, null);
        }

        byte[] head = new byte[VhdConstants.FooterLength];
        await container.ReadAsync(head, 0, mode, cancellationToken).ConfigureAwait(false);
        VhdFooter? copy = VhdFooter.Read(head) is { Type: VhdDiskType.Dynamic or VhdDiskType.Differencing } found ? found : null;
        if (!isLenient)
        {
            string state = last is null && old is null ? "the last 512 bytes are no footer" : "the checksum of the footer is wrong";
            string advice = copy is { IsChecksumValid: true } ? " The copy at the start is intact: a lenient open uses it." : string.Empty;
            throw Fault(fileLength - Math.Min(fileLength, VhdConstants.FooterLength), $"{state}.{advice}");
        }

        if (copy is { IsChecksumValid: true })
        {
            return (copy, 0, "the footer at the end is lost; the copy at the start was used");
        }

        if (FindPadded(tail) is { } padded)
        {
            return (padded.Footer, tailOffset + padded.Index, "bytes follow the footer");
        }

        // Nothing has a right checksum: what at least bears the cookie.
        return (last, old, copy) switch
        {
            ({ } footer, _, _) => (footer, fileLength - VhdConstants.FooterLength, "the checksum of the footer is wrong"),
            (_, { } footer, _) => (footer, fileLength - VhdConstants.OldFooterLength, "the checksum of the footer is wrong"),
            (_, _, { } footer) => (footer, 0, "the footer at the end is lost, and the checksum of the copy at the start is wrong"),
            _ => throw Fault(tailOffset, "no footer was found, neither at the end nor at the start."),
        };
    }

    private static (VhdFooter Footer, int Index)? FindPadded(byte[] tail)
    {
        for (int end = tail.Length; ;)
        {
            int index = tail.AsSpan(0, end).LastIndexOf(VhdConstants.FooterCookie);
            if (index < 0)
            {
                return null;
            }

            int length = Math.Min(VhdConstants.FooterLength, tail.Length - index);
            if (VhdFooter.Read(tail.AsSpan(index, length)) is { IsChecksumValid: true } footer)
            {
                return (footer, index);
            }

            end = index;
        }
    }

    private static long Validate(VhdFooter footer, long footerOffset, DiskReadLimits limits)
    {
        if (footer.Version >> 16 != VhdConstants.FileFormatVersion >> 16)
        {
            throw new UnsupportedDiskFeatureException(VhdConstants.FormatName, footerOffset + 12, "file format version", $"the file format version is 0x{footer.Version:x8}; 1.x is known.");
        }

        if (footer.Type is not (VhdDiskType.Fixed or VhdDiskType.Dynamic or VhdDiskType.Differencing))
        {
            throw Fault(footerOffset + 60, $"the disk type is {(uint)footer.Type}; 2 (fixed), 3 (dynamic) and 4 (differencing) are known.");
        }

        ulong length = footer.DiskLength;
        return length <= (ulong)Math.Min(limits.MaxVirtualSize, long.MaxValue / 2)
            ? (long)length
            : throw Fault(footerOffset + 48, $"the disk has {length} bytes, more than the limit of {limits.MaxVirtualSize} (DiskReadLimits.MaxVirtualSize).");
    }

    private static async ValueTask<(VhdDynamicHeader Header, bool IsDamaged)> ReadHeaderAsync(VirtualDisk container, VhdFooter footer, long length, bool isLenient, IoMode mode, CancellationToken cancellationToken)
    {
        long fileLength = container.Length;
        if (footer.DataOffset > (ulong)Math.Max(0, fileLength - VhdConstants.DynamicHeaderLength))
        {
            throw Fault(16, $"the dynamic header is said to lie at {footer.DataOffset}, outside of a file of {fileLength} bytes.");
        }

        long headerOffset = (long)footer.DataOffset;
        byte[] bytes = new byte[VhdConstants.DynamicHeaderLength];
        await container.ReadAsync(bytes, headerOffset, mode, cancellationToken).ConfigureAwait(false);
        VhdDynamicHeader header = VhdDynamicHeader.Read(bytes) ?? throw Fault(headerOffset, "the dynamic header does not begin with 'cxsparse'.");
        if (!header.IsChecksumValid && !isLenient)
        {
            throw Fault(headerOffset + 36, "the checksum of the dynamic header is wrong. A lenient open uses the header all the same.");
        }

        if (header.Version >> 16 != VhdConstants.FileFormatVersion >> 16)
        {
            throw new UnsupportedDiskFeatureException(VhdConstants.FormatName, headerOffset + 24, "header version", $"the version of the dynamic header is 0x{header.Version:x8}; 1.x is known.");
        }

        if (header.BlockSize is < VhdConstants.SectorSize or > (1 << 30) || !int.IsPow2((int)header.BlockSize))
        {
            throw Fault(headerOffset + 32, $"the block size is {header.BlockSize}, not a power of two from 512 to 1 GiB.");
        }

        // A table longer than the disk needs is legal, and what it says of blocks behind the end is nobody's.
        long needed = (length + header.BlockSize - 1) / header.BlockSize;
        if (needed > header.TableEntries)
        {
            throw Fault(headerOffset + 28, $"the block table has {header.TableEntries} entries and {length} bytes in blocks of {header.BlockSize} need {needed}.");
        }

        if (header.TableOffset % VhdConstants.SectorSize != 0 || header.TableOffset > (ulong)fileLength || needed * 4 > fileLength - (long)header.TableOffset)
        {
            throw Fault(headerOffset + 16, $"the block table at {header.TableOffset} with {needed} entries does not lie within a file of {fileLength} bytes at a multiple of 512.");
        }

        return (header, !header.IsChecksumValid);
    }

    private static async ValueTask<List<string>> ReadParentNamesAsync(VirtualDisk container, VhdDynamicHeader header, DiskReadLimits limits, IoMode mode, CancellationToken cancellationToken)
    {
        List<string> names = [];
        foreach (uint code in s_locatorOrder)
        {
            foreach (VhdParentLocator locator in header.Locators)
            {
                if (locator.Code == code)
                {
                    names.Add(await ReadNameAsync(container, locator, limits, mode, cancellationToken).ConfigureAwait(false));
                }
            }
        }

        names.Add(header.ParentName);
        return WindowsFileName.WithPlainNames(names);
    }

    private static async ValueTask<string> ReadNameAsync(VirtualDisk container, VhdParentLocator locator, DiskReadLimits limits, IoMode mode, CancellationToken cancellationToken)
    {
        if (locator.Length > limits.MaxTextLength)
        {
            throw Fault((long)Math.Min(locator.FileOffset, long.MaxValue), $"a parent locator has {locator.Length} bytes, more than the limit of {limits.MaxTextLength} (DiskReadLimits.MaxTextLength).");
        }

        if (locator.FileOffset > (ulong)container.Length || locator.Length > container.Length - (long)locator.FileOffset)
        {
            throw Fault((long)Math.Min(locator.FileOffset, long.MaxValue), $"a parent locator of {locator.Length} bytes at {locator.FileOffset} leaves the file of {container.Length} bytes.");
        }

        byte[] bytes = new byte[(int)locator.Length];
        await container.ReadAsync(bytes, (long)locator.FileOffset, mode, cancellationToken).ConfigureAwait(false);
        string name = (locator.Code == VhdConstants.LocatorMacUrl ? Encoding.UTF8 : Encoding.Unicode).GetString(bytes).TrimEnd('\0');
        return locator.Code == VhdConstants.LocatorMacUrl ? Uri.UnescapeDataString(name) : name;
    }
}
