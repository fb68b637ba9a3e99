using System;
using System.IO;
using System.Net;
using System.Net.Http;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.Aws.S3;

/// <summary>A connection that acknowledges what arrives at once.</summary>
/// <remarks>
/// Services that write head and body of an answer one after the other, without TCP_NODELAY, hold a short body back until the head is acknowledged,
/// and a receiver delays that by 40 ms: a Ceph gateway in its default settings answers every small read so late. Linux forgets the wish with each
/// request sent (tcp(7), TCP_QUICKACK), so that it is told before each read.
/// </remarks>
internal sealed class PromptStream : NetworkStream
{
    private const int TcpLevel = 6;
    private const int QuickAcknowledgement = 12;

    private PromptStream(Socket socket)
        : base(socket, ownsSocket: true)
    {
    }

    /// <summary>Connects, for <see cref="SocketsHttpHandler.ConnectCallback"/>.</summary>
    public static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, cancellationToken).ConfigureAwait(false);
            return TryAcknowledge(socket) ? new PromptStream(socket) : new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        // Not the base, which hands this overload on to the one below where it is derived from.
        TryAcknowledge(Socket);
        try
        {
            return Socket.Receive(buffer, SocketFlags.None);
        }
        catch (SocketException exception)
        {
            throw new IOException(exception.Message, exception);
        }
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        TryAcknowledge(Socket);
        return base.ReadAsync(buffer, cancellationToken);
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    private static bool TryAcknowledge(Socket socket)
    {
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }

        try
        {
            socket.SetRawSocketOption(TcpLevel, QuickAcknowledgement, [1, 0, 0, 0]);
            return true;
        }
        catch (SocketException)
        {
            // A wish only: what else is wrong with the connection, reading tells.
            return false;
        }
    }
}
