using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.IO;

/// <summary>Reads streams through both doors with one body.</summary>
internal static class StreamReading
{
    /// <summary>Fills a buffer, unless the stream ends first.</summary>
    /// <returns>The number of bytes read; less than the buffer's length only at the end of the stream.</returns>
    public static ValueTask<int> ReadFullyAsync(this Stream stream, Memory<byte> buffer, IoMode mode, CancellationToken cancellationToken) =>
        mode == IoMode.Synchronous
            ? ValueTask.FromResult(stream.ReadAtLeast(buffer.Span, buffer.Length, throwOnEndOfStream: false))
            : stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
}
