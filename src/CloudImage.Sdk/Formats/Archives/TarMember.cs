using System;

namespace CloudImage.Sdk.Formats.Archives;

/// <summary>One member of a tar archive, as its headers describe it. Immutable.</summary>
internal sealed class TarMember
{
    /// <summary>The name as the archive gives it, untrusted; a leading "./" is taken off.</summary>
    public required string Name { get; init; }

    /// <summary>The type: a value of <see cref="TarConstants"/>.</summary>
    public required byte Type { get; init; }

    /// <summary>Position in the archive of the first header that belongs to the member.</summary>
    public required long HeaderOffset { get; init; }

    /// <summary>Position in the archive of the member's first stored byte.</summary>
    public required long DataOffset { get; init; }

    /// <summary>How many bytes are stored.</summary>
    public required long StoredLength { get; init; }

    /// <summary>Length of the file that the member stands for.</summary>
    public required long Length { get; init; }

    /// <summary>Which ranges are stored; null where all are.</summary>
    public TarSparseMap? SparseMap { get; init; }

    /// <summary>Whether it is a regular file, sparse or not.</summary>
    public bool IsFile => Type is TarConstants.TypeFile or TarConstants.TypeOldFile or TarConstants.TypeContiguous or TarConstants.TypeSparse;

    /// <summary>Whether it is a folder.</summary>
    public bool IsDirectory => Type == TarConstants.TypeDirectory;

    /// <summary>Whether a name is one plain file name: no folder, no drive, no control character.</summary>
    public static bool IsPlainName(string name)
    {
        if (name.Length == 0 || name is "." or "..")
        {
            return false;
        }

        foreach (char letter in name)
        {
            if (char.IsControl(letter) || letter is '/' or '\\' or ':')
            {
                return false;
            }
        }

        return true;
    }
}
