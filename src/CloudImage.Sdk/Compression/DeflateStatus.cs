namespace CloudImage.Sdk.Compression;

/// <summary>How the decoding of a deflate stream ended.</summary>
internal enum DeflateStatus
{
    /// <summary>The stream ended within the room that was given.</summary>
    Done,

    /// <summary>The room is filled, and the stream goes on.</summary>
    Full,

    /// <summary>The input ends before the stream does.</summary>
    Truncated,

    /// <summary>The input is no deflate stream, or its checksum does not agree.</summary>
    Damaged,
}
