using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats;

/// <summary>Opens files that an image names by a plain name, in one folder: regular files alone, no links, no paths, no URIs.</summary>
/// <remarks>
/// Immutable and thread-safe. A name with a separator, a protocol (<c>nbd:</c>, <c>json:</c>, <c>file:</c>) or a
/// control character is refused, never looked up; a leading <c>./</c> or <c>.\</c> is allowed.
/// </remarks>
public sealed class DirectoryReferenceResolver : BackingFileResolver
{
    private readonly string _folder;
    private readonly bool _ignoreLocks;

    /// <summary>Makes a resolver.</summary>
    /// <param name="folder">The one folder whose files may be opened.</param>
    public DirectoryReferenceResolver(string folder)
        : this(folder, false)
    {
    }

    /// <summary>Makes a resolver.</summary>
    /// <param name="folder">The one folder whose files may be opened.</param>
    /// <param name="ignoreLocks">Whether a file that another process holds open for writing is opened all the same.</param>
    public DirectoryReferenceResolver(string folder, bool ignoreLocks)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        _folder = Path.GetFullPath(folder);
        _ignoreLocks = ignoreLocks;
    }

    /// <summary>Makes a resolver for the folder of an image.</summary>
    /// <param name="imagePath">Path of the image.</param>
    /// <returns>A resolver for the files beside it.</returns>
    public static DirectoryReferenceResolver Beside(string imagePath)
    {
        ArgumentException.ThrowIfNullOrEmpty(imagePath);
        return new DirectoryReferenceResolver(Path.GetDirectoryName(Path.GetFullPath(imagePath)) ?? Path.GetPathRoot(Path.GetFullPath(imagePath))!);
    }

    /// <inheritdoc/>
    protected override ValueTask<VirtualDisk?> ResolveCoreAsync(DiskReference reference, IoMode mode, CancellationToken cancellationToken)
    {
        string? refused = null;
        foreach (string name in (IEnumerable<string>)[reference.Name, .. reference.AlternativeNames])
        {
            string plain = name.StartsWith("./", StringComparison.Ordinal) || name.StartsWith(".\\", StringComparison.Ordinal) ? name[2..] : name;
            if (Refusal(plain) is { } reason)
            {
                refused ??= $"'{name}' {reason}";
                continue;
            }

            string path = Path.Combine(_folder, plain);
            if (Path.Exists(path) || new FileInfo(path).LinkTarget is not null)
            {
                return ValueTask.FromResult<VirtualDisk?>(Open(reference, path));
            }
        }

        return refused is null
            ? ValueTask.FromResult<VirtualDisk?>(null)
            : throw new DiskReferenceException(reference, $"The image names another file, but {refused}. Only plain names of files in the image's own folder are opened; open the file explicitly if it is meant.");
    }

    private static string? Refusal(string name)
    {
        if (name.Length is 0 or > 255 || name is "." or "..")
        {
            return "is no file name";
        }

        foreach (char letter in name)
        {
            if (letter is '/' or '\\')
            {
                return "leads to another folder";
            }

            if (letter == ':')
            {
                return "has a protocol or a drive in front";
            }

            if (char.IsControl(letter))
            {
                return "has a control character in it";
            }
        }

        return null;
    }

    private FileDisk Open(DiskReference reference, string path)
    {
        try
        {
            return FileDisk.Open(path, _ignoreLocks, false, false);
        }
        catch (Exception exception) when (exception is CloudImageException and not DiskInUseException or FileNotFoundException or UnauthorizedAccessException)
        {
            throw new DiskReferenceException($"The image names '{reference.Name}', which cannot be used: {exception.Message}", exception);
        }
    }
}
