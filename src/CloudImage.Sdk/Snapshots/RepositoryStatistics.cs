using System.Collections.Generic;
using System.Linq;

namespace CloudImage.Sdk.Snapshots;

/// <summary>What a repository holds and takes up. Immutable.</summary>
public sealed class RepositoryStatistics
{
    /// <summary>Each snapshot that was not given up, oldest first.</summary>
    public required IReadOnlyList<SnapshotStatistics> Snapshots { get; init; }

    /// <summary>Sum of the lengths of the disks, in bytes.</summary>
    public long LogicalBytes => Snapshots.Sum(static snapshot => snapshot.Snapshot.Length);

    /// <summary>Sum of the bytes of the disks' chunks that are not zero.</summary>
    public long DataBytes => Snapshots.Sum(static snapshot => snapshot.Snapshot.DataBytes);

    /// <summary>Plain bytes of the distinct chunks that snapshots refer to.</summary>
    public required long UniqueBytes { get; init; }

    /// <summary>Stored bytes of the frames that snapshots refer to, nodes included.</summary>
    public required long ReferencedBytes { get; init; }

    /// <summary>Bytes of all objects of the repository.</summary>
    public required long StoredBytes { get; init; }

    /// <summary>Number of all objects of the repository.</summary>
    public required long Objects { get; init; }
}
