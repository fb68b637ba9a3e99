using System;
using System.Collections.Generic;

namespace CloudImage.Sdk.Disks;

/// <summary>Another file that an image names. The name is an opaque, untrusted string: it is reported, never opened by itself.</summary>
public sealed class DiskReference
{
    /// <summary>Makes a reference.</summary>
    /// <param name="kind">Why the file is named.</param>
    /// <param name="name">The name as the image gives it.</param>
    /// <exception cref="ArgumentNullException"><paramref name="name"/> is null.</exception>
    public DiskReference(DiskReferenceKind kind, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        Kind = kind;
        Name = name;
    }

    /// <summary>Why the file is named.</summary>
    public DiskReferenceKind Kind { get; }

    /// <summary>The name as the image gives it, the one to try first.</summary>
    public string Name { get; }

    /// <summary>Further names of the same file, in the order in which the format wants them tried.</summary>
    /// <value>The default value is an empty list.</value>
    public IReadOnlyList<string> AlternativeNames { get; init; } = [];

    /// <summary>The format that the image declares for the file, such as "raw"; null where it declares none.</summary>
    public string? FormatName { get; init; }

    /// <summary>What the named disk's <see cref="DiskInfo.LinkageId"/> must be; null where the format has no such link.</summary>
    public string? LinkageId { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"{Kind} '{Name}' ({FormatName ?? "no format declared"})";
}
