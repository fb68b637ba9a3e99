using System;
using System.Buffers;
using System.IO;
using System.Net;
using System.Net.Http;
using System.Threading;
using System.Threading.Channels;
using System.Threading.Tasks;

namespace CloudImage.Sdk.OpenStack.Glance;

/// <summary>Bytes on their way from whoever writes them to the request that sends them; a few MiB at most wait in between.</summary>
internal sealed class UploadFeed
{
    private const int PieceLength = 256 << 10;
    private const int WaitingPieces = 16;

    private readonly Channel<(byte[] Rented, int Length)> _pieces = Channel.CreateBounded<(byte[], int)>(new BoundedChannelOptions(WaitingPieces) { SingleReader = true, SingleWriter = true });
    private byte[] _piece = ArrayPool<byte>.Shared.Rent(PieceLength);
    private int _length;
    private int _isStarted;

    /// <summary>Takes bytes; waits while the service is behind.</summary>
    /// <exception cref="ChannelClosedException">The request has ended.</exception>
    internal async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken)
    {
        while (!buffer.IsEmpty)
        {
            int count = Math.Min(buffer.Length, PieceLength - _length);
            buffer.Span[..count].CopyTo(_piece.AsSpan(_length));
            buffer = buffer[count..];
            _length += count;
            if (_length == PieceLength)
            {
                await FlushAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Passes the rest on: the request ends after it.</summary>
    internal async ValueTask EndAsync(CancellationToken cancellationToken)
    {
        await FlushAsync(cancellationToken).ConfigureAwait(false);
        _pieces.Writer.TryComplete();
    }

    /// <summary>Ends the request, or tells the writer that it has ended.</summary>
    internal void Break(Exception reason) => _pieces.Writer.TryComplete(reason);

    /// <summary>The body of a request. Only one can have it, once it has begun to flow.</summary>
    internal HttpContent MakeContent() => Volatile.Read(ref _isStarted) == 0
        ? new FeedContent(this)
        : throw new OpenStackException("The service no longer took the token in the midst of an upload, which cannot be begun again from here.") { IsTransient = true };

    private async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        if (_length == 0)
        {
            return;
        }

        (byte[] piece, int length) = (_piece, _length);
        _piece = ArrayPool<byte>.Shared.Rent(PieceLength);
        _length = 0;
        await _pieces.Writer.WriteAsync((piece, length), cancellationToken).ConfigureAwait(false);
    }

    private async Task SendAsync(Stream stream, CancellationToken cancellationToken)
    {
        Volatile.Write(ref _isStarted, 1);
        await foreach ((byte[] rented, int length) in _pieces.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            await stream.WriteAsync(rented.AsMemory(0, length), cancellationToken).ConfigureAwait(false);
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private sealed class FeedContent(UploadFeed feed) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => feed.SendAsync(stream, CancellationToken.None);

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken) => feed.SendAsync(stream, cancellationToken);

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
