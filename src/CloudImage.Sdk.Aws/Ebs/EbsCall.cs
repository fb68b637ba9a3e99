using System;
using System.Collections.Generic;
using System.Net.Http;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>One call of EBS direct, as it is signed and sent, however often. Immutable but for the count of its attempts.</summary>
internal sealed class EbsCall
{
    public required EbsOperation Operation { get; init; }

    public required HttpMethod Method { get; init; }

    /// <summary>The path behind the endpoint, its segments not encoded.</summary>
    public required string Path { get; init; }

    /// <summary>What the call is about, for messages: "block 17 of snapshot snap-0".</summary>
    public required string Subject { get; init; }

    /// <summary>The snapshot whose own quota counts; null where none does.</summary>
    public string? SnapshotId { get; init; }

    public IReadOnlyList<KeyValuePair<string, string>> Query { get; init; } = [];

    /// <summary>Headers of the protocol, their names in lower case.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    /// <summary>The body; belongs to the caller, who leaves it alone until the call has ended.</summary>
    public ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>SHA-256 of the body in hexadecimal.</summary>
    public string BodyDigest { get; init; } = EbsSigner.EmptyPayload;

    /// <summary>Whether the service takes a signature that leaves the body out.</summary>
    public bool HasUnsignedForm { get; init; }

    public string? ContentType { get; init; }

    /// <summary>Until when, as a timestamp of the clock, the snapshot may not be known yet.</summary>
    public long MayBeUnknownUntil { get; init; } = long.MinValue;

    /// <summary>How often it was sent so far.</summary>
    public int Attempts { get; set; }
}
