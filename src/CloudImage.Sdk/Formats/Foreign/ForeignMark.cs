using System;
using System.Text;

namespace CloudImage.Sdk.Formats.Foreign;

/// <summary>Bytes at a fixed place by which a format is recognised.</summary>
internal readonly struct ForeignMark
{
    private readonly byte[] _bytes;

    /// <summary>Makes a mark.</summary>
    /// <param name="fileOffset">Position in bytes from the start of the file, or from its end where it is negative.</param>
    /// <param name="bytes">The bytes, each as one character.</param>
    public ForeignMark(int fileOffset, string bytes)
    {
        FileOffset = fileOffset;
        _bytes = Encoding.Latin1.GetBytes(bytes);
    }

    /// <summary>Position in bytes from the start of the file, or from its end where it is negative.</summary>
    public int FileOffset { get; }

    /// <summary>Whether the bytes are there.</summary>
    public bool IsIn(in DiskProbe probe)
    {
        ReadOnlySpan<byte> bytes = FileOffset >= 0 ? probe.Header : probe.Footer;
        int start = FileOffset >= 0 ? FileOffset : bytes.Length + FileOffset;
        return start >= 0 && start <= bytes.Length && bytes[start..].StartsWith(_bytes);
    }
}
