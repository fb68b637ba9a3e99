namespace CloudImage.Sdk.Tests.Support;

/// <summary>What a <see cref="FaultProxy"/> does to a request.</summary>
public enum ProxyFault
{
    /// <summary>It is passed on as it is.</summary>
    None = 0,

    /// <summary>The connection is reset; the server never hears of the request.</summary>
    ResetBeforeRequest = 1,

    /// <summary>Half of the request's body reaches the server, then both connections are reset.</summary>
    ResetWithinRequest = 2,

    /// <summary>The server does what it was asked to do, and the connection is reset before a byte of its answer is told.</summary>
    LoseResponse = 3,

    /// <summary>Half of the body of the answer arrives, then the connection is reset.</summary>
    ResetWithinResponse = 4,

    /// <summary>Half of the body of the answer arrives, then the connection is closed in order.</summary>
    TruncateResponse = 5,

    /// <summary>A bit of the request's body is flipped on its way to the server.</summary>
    CorruptRequest = 6,

    /// <summary>A bit of the body of the answer is flipped.</summary>
    CorruptResponse = 7,

    /// <summary>The proxy answers 503 in place of the server, which never hears of the request.</summary>
    Unavailable = 8,

    /// <summary>The server does what it was asked to do, and the proxy answers 503 in place of its answer.</summary>
    UnavailableAfterRequest = 9,
}
