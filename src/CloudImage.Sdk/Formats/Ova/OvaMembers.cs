using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats.Archives;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Ova;

/// <summary>The files of a package by name. Names are keys to look things up with; none ever becomes a path.</summary>
internal sealed class OvaMembers
{
    private readonly Dictionary<string, TarMember> _byName = new(StringComparer.Ordinal);
    private readonly List<TarMember> _inOrder = [];

    /// <summary>The files, in the order of the archive.</summary>
    public IReadOnlyList<TarMember> InOrder => _inOrder;

    /// <summary>Whether the end of the archive was marked.</summary>
    public bool HasEndMark { get; private set; }

    /// <summary>Reads every header of an archive.</summary>
    public static async ValueTask<OvaMembers> ReadAsync(VirtualDisk container, DiskReadLimits limits, IoMode mode, CancellationToken cancellationToken)
    {
        OvaMembers members = new();
        using Stream stream = container.AsStream();
        TarReader reader = new(stream, OvaConstants.Name, limits);
        while (await reader.ReadNextAsync(mode, cancellationToken).ConfigureAwait(false) is { } member)
        {
            if (!member.IsDirectory)
            {
                members.Add(member);
            }
        }

        members.HasEndMark = reader.HasEndMark;
        return members;
    }

    /// <summary>Takes a member, unless it is something that a package does not hold.</summary>
    public void Add(TarMember member)
    {
        ThrowIfHostile(member);
        if (!_byName.TryAdd(member.Name, member))
        {
            throw new DiskFormatException(OvaConstants.Name, member.HeaderOffset, $"The package holds two files named '{member.Name}'; which one is meant cannot be known.");
        }

        _inOrder.Add(member);
    }

    public static void ThrowIfHostile(TarMember member)
    {
        if (!TarMember.IsPlainName(member.Name))
        {
            throw new DiskFormatException(OvaConstants.Name, member.HeaderOffset, $"The package holds a file named '{member.Name}'; files of a package have plain names, without a folder.");
        }

        if (!member.IsFile || member.SparseMap is not null)
        {
            throw new DiskFormatException(OvaConstants.Name, member.HeaderOffset, $"The file '{member.Name}' is of tar type '{(char)member.Type}'; a package holds regular files only, no links, devices or sparse files.");
        }
    }

    /// <summary>Finds a file by the name that something in the package gives it; percent escapes are tried too.</summary>
    public TarMember? Find(string name) => _byName.GetValueOrDefault(name) ?? _byName.GetValueOrDefault(Uri.UnescapeDataString(name));

    /// <summary>The one file with an extension.</summary>
    public TarMember? FindByExtension(string extension)
    {
        TarMember[] found = [.. _inOrder.Where(member => member.Name.EndsWith(extension, StringComparison.OrdinalIgnoreCase))];
        return found.Length <= 1 ? found.FirstOrDefault() : throw new DiskFormatException(
            OvaConstants.Name, found[1].HeaderOffset, $"The package holds several '{extension}' files: '{found[0].Name}', '{found[1].Name}'.");
    }

    /// <summary>The members that a file consists of: itself, or its parts in order.</summary>
    public List<TarMember> FindParts(OvfFile file)
    {
        if (Find(file.Name) is { } whole)
        {
            return [whole];
        }

        List<TarMember> parts = [];
        while (Find(PartName(file.Name, parts.Count)) is { } part)
        {
            parts.Add(part);
        }

        if (parts.Count == 0)
        {
            throw new DiskReferenceException(new DiskReference(DiskReferenceKind.Data, file.Name), $"The descriptor names the file '{file.Name}', which is not in the package. Only files of the package itself are opened.");
        }

        for (int index = 0; index < parts.Count - 1 && file.ChunkLength is not null; index++)
        {
            if (parts[index].Length != file.ChunkLength)
            {
                throw new DiskFormatException(OvaConstants.Name, parts[index].HeaderOffset, $"The part '{parts[index].Name}' has {parts[index].Length} bytes; every part but the last has {file.ChunkLength}. One may be missing.");
            }
        }

        return parts;
    }

    public static string PartName(string name, int index) =>
        name + "." + index.ToString(CultureInfo.InvariantCulture).PadLeft(OvaConstants.ChunkDigits, '0');
}
