using System;
using System.Globalization;
using System.IO;
using System.Net.Sockets;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.Tests.Support;

/// <summary>One side of a proxied connection, read through a buffer.</summary>
internal sealed class ProxyChannel(Socket socket)
{
    private const int MaxHeadLength = 64 * 1024;

    private readonly byte[] _buffer = new byte[128 * 1024];
    private int _start;
    private int _end;

    /// <summary>Reads the head of a message with the empty line that ends it; null: the connection ended before it.</summary>
    public async Task<byte[]?> ReadHeadAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            int end = _buffer.AsSpan(_start, _end - _start).IndexOf("\r\n\r\n"u8);
            if (end >= 0)
            {
                byte[] head = _buffer.AsSpan(_start, end + 4).ToArray();
                _start += end + 4;
                return head;
            }

            if (_end - _start > MaxHeadLength)
            {
                throw new IOException("The head of a message is longer than 64 KiB.");
            }

            if (!await FillAsync(cancellationToken))
            {
                return _end == _start ? null : throw new IOException("The connection ended within the head of a message.");
            }
        }
    }

    /// <summary>Passes bytes on; the byte at <paramref name="corruptAt"/>, if it is among them, with a bit flipped.</summary>
    public async Task PassAsync(ProxyChannel target, long length, long corruptAt, CancellationToken cancellationToken)
    {
        for (long position = 0; position < length;)
        {
            if (_start == _end && !await FillAsync(cancellationToken))
            {
                throw new IOException("The connection ended within a body.");
            }

            int count = (int)Math.Min(length - position, _end - _start);
            if (corruptAt >= position && corruptAt < position + count)
            {
                _buffer[_start + (corruptAt - position)] ^= 0x10;
            }

            await target.SendAsync(_buffer.AsMemory(_start, count), cancellationToken);
            _start += count;
            position += count;
        }
    }

    /// <summary>Passes a body on that is sent in chunks, with its trailers.</summary>
    public async Task PassChunksAsync(ProxyChannel target, CancellationToken cancellationToken)
    {
        while (true)
        {
            byte[] line = await ReadLineAsync(cancellationToken);
            await target.SendAsync(line, cancellationToken);
            string size = Encoding.ASCII.GetString(line).Split(';')[0].Trim();
            long length = long.Parse(size, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            if (length == 0)
            {
                break;
            }

            await PassAsync(target, length + 2, -1, cancellationToken);
        }

        byte[] trailer;
        do
        {
            trailer = await ReadLineAsync(cancellationToken);
            await target.SendAsync(trailer, cancellationToken);
        }
        while (trailer.Length > 2);
    }

    /// <summary>Passes everything on until the connection ends.</summary>
    public async Task PassAllAsync(ProxyChannel target, CancellationToken cancellationToken)
    {
        while (_start < _end || await FillAsync(cancellationToken))
        {
            await target.SendAsync(_buffer.AsMemory(_start, _end - _start), cancellationToken);
            _start = _end;
        }
    }

    /// <summary>Takes and drops what still comes, until the other side ends or the time is up.</summary>
    public async Task DrainAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        end.CancelAfter(limit);
        do
        {
            _start = _end;
        }
        while (await FillAsync(end.Token));
    }

    public async Task SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await socket.SendAsync(bytes, SocketFlags.None, cancellationToken)..];
        }
    }

    /// <summary>Tells the other side that nothing more comes.</summary>
    public void EndSending() => socket.Shutdown(SocketShutdown.Send);

    /// <summary>Closes with a reset, as a host does that lost the connection.</summary>
    public void Reset()
    {
        socket.LingerState = new LingerOption(true, 0);
        socket.Close(0);
    }

    private async Task<byte[]> ReadLineAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            int end = _buffer.AsSpan(_start, _end - _start).IndexOf("\r\n"u8);
            if (end >= 0)
            {
                byte[] line = _buffer.AsSpan(_start, end + 2).ToArray();
                _start += end + 2;
                return line;
            }

            if (!await FillAsync(cancellationToken))
            {
                throw new IOException("The connection ended within a line.");
            }
        }
    }

    private async Task<bool> FillAsync(CancellationToken cancellationToken)
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

        int count = await socket.ReceiveAsync(_buffer.AsMemory(_end), SocketFlags.None, cancellationToken);
        _end += count;
        return count > 0;
    }
}
