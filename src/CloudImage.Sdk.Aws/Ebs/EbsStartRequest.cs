using System;
using System.Collections.Generic;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>What a snapshot is begun with. Immutable.</summary>
internal sealed class EbsStartRequest
{
    public required int VolumeSize { get; init; }

    public required string ClientToken { get; init; }

    public string? ParentSnapshotId { get; init; }

    public string? Description { get; init; }

    public bool Encrypted { get; init; }

    public string? KmsKeyArn { get; init; }

    public TimeSpan? Timeout { get; init; }

    public IReadOnlyDictionary<string, string> Tags { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);
}
