using System;
using System.Linq;

namespace CloudImage.Sdk.Disks;

/// <summary>A file that an image names is missing, was not allowed, or is not the one that is meant.</summary>
public sealed class DiskReferenceException : CloudImageException
{
    /// <summary>Makes an exception with a general message.</summary>
    public DiskReferenceException()
        : base("A referenced file cannot be used.")
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="message">Which file is meant, and what to do.</param>
    public DiskReferenceException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception that another one caused.</summary>
    /// <param name="message">Which file is meant, and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public DiskReferenceException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Makes an exception about a reference.</summary>
    /// <param name="reference">The reference.</param>
    /// <param name="message">What is wrong with it, and what to do.</param>
    public DiskReferenceException(DiskReference reference, string message)
        : base(message) => Reference = reference;

    /// <summary>The reference; null where it is not known.</summary>
    public DiskReference? Reference { get; }

    internal static DiskReferenceException ParentNotOpened(DiskInfo info, long offset)
    {
        DiskReference? parent = info.References.FirstOrDefault(reference => reference.Kind == DiskReferenceKind.Parent);
        return new DiskReferenceException(
            parent ?? new DiskReference(DiskReferenceKind.Parent, string.Empty),
            $"Offset {offset} of the {info.FormatName} image belongs to its parent '{parent?.Name}', which was not opened. Open the image with a resolver for referenced files, or open the parent and join both as a layered disk.");
    }
}
