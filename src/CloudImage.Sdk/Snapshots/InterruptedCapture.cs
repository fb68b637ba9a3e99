using System;

namespace CloudImage.Sdk.Snapshots;

/// <summary>A session that has no fate yet: its capture is running, or it died. Immutable.</summary>
public sealed class InterruptedCapture
{
    /// <summary>The id of the session, for <see cref="CaptureOptions.ResumeSession"/>.</summary>
    public required string SessionId { get; init; }

    /// <summary>The image in the form in which it stands in object names: percent-encoded, or a keyed hash.</summary>
    public required string EncodedImage { get; init; }

    /// <summary>Machine and process that opened it.</summary>
    public required string Writer { get; init; }

    /// <summary>When it was opened, by the writer's clock.</summary>
    public required DateTimeOffset OpenedAt { get; init; }
}
