using System;

namespace CloudImage.Sdk.Formats;

/// <summary>What a format is recognised by: the first and the last bytes of a container, and its length.</summary>
public readonly ref struct DiskProbe
{
    /// <summary>How many bytes of header a probe holds at most.</summary>
    public const int MaxHeaderLength = 65536;

    /// <summary>How many bytes of footer a probe holds at most.</summary>
    public const int MaxFooterLength = 1024;

    /// <summary>Makes a probe.</summary>
    /// <param name="header">The first bytes.</param>
    /// <param name="footer">The last bytes.</param>
    /// <param name="length">Length of the container in bytes.</param>
    public DiskProbe(ReadOnlySpan<byte> header, ReadOnlySpan<byte> footer, long length)
    {
        Header = header;
        Footer = footer;
        Length = length;
    }

    /// <summary>The first bytes of the container: <see cref="MaxHeaderLength"/> of them, or all where it is shorter.</summary>
    public ReadOnlySpan<byte> Header { get; }

    /// <summary>The last bytes of the container: <see cref="MaxFooterLength"/> of them, or all where it is shorter; empty for a pipe.</summary>
    public ReadOnlySpan<byte> Footer { get; }

    /// <summary>Length of the container in bytes.</summary>
    public long Length { get; }
}
