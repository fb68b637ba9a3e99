using System;

namespace CloudImage.Sdk.Storage;

/// <summary>What a store tells of an object without its content.</summary>
public sealed class ObjectInfo
{
    /// <summary>Makes a description.</summary>
    /// <param name="name">Name of the object.</param>
    /// <param name="length">Its length in bytes.</param>
    /// <param name="lastModified">When the store says that it was created.</param>
    /// <param name="checksum">The checksum that the store keeps; of kind <see cref="ObjectChecksumKind.None"/> where it keeps none.</param>
    public ObjectInfo(string name, long length, DateTimeOffset lastModified, ObjectChecksum checksum)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Name = name;
        Length = length;
        LastModified = lastModified;
        Checksum = checksum;
    }

    /// <summary>Name of the object.</summary>
    public string Name { get; }

    /// <summary>Length in bytes.</summary>
    public long Length { get; }

    /// <summary>When the store says that the object was created, by the store's clock.</summary>
    public DateTimeOffset LastModified { get; }

    /// <summary>The checksum that the store keeps of the content.</summary>
    public ObjectChecksum Checksum { get; }

    /// <summary>Name and length.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => $"{Name} ({Length} bytes)";
}
