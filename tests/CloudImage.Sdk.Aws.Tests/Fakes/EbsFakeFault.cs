namespace CloudImage.Sdk.Aws.Tests.Fakes;

/// <summary>How a fake EBS direct fails a call on purpose.</summary>
internal enum EbsFakeFault
{
    None = 0,

    /// <summary>500, with nothing done.</summary>
    InternalError,

    /// <summary>500, though the call was carried out.</summary>
    InternalErrorAfterwards,

    /// <summary>The connection is reset before an answer.</summary>
    Reset,

    /// <summary>The connection is reset in the middle of the answer's body.</summary>
    ResetMidBody,

    /// <summary>The body ends early, and the answer says so: its length is told right and fewer bytes come.</summary>
    Truncated,

    /// <summary>A bit of the body is another, and the digest is that of the right body.</summary>
    WrongChecksum,

    /// <summary>RequestThrottledException.</summary>
    Throttled,

    /// <summary>503 with Retry-After of one second.</summary>
    Unavailable,

    /// <summary>403 AccessDeniedException.</summary>
    Denied,

    /// <summary>The answer of a put block tells another digest.</summary>
    WrongEcho,

    /// <summary>No answer comes for a long while.</summary>
    Hang,
}
