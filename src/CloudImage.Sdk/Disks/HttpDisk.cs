using System;
using System.Collections.Generic;
using System.Net.Http;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Disks;

/// <summary>A container that is read over HTTP as it is needed: byte ranges (RFC 9110, section 14), read ahead, cached, retried.</summary>
/// <remarks>
/// <para>The server must answer ranges, and must not change the content meanwhile: every answer is held against the length,
/// the entity tag and the time of the first one, and a difference is an error, never a mixture.</para>
/// <para>Thread-safe. A block that several readers want is fetched once. The client is not owned. The synchronous door waits
/// for the asynchronous one.</para>
/// </remarks>
public sealed class HttpDisk : VirtualDisk
{
    private readonly Lock _lock = new();
    private readonly Dictionary<long, LinkedListNode<HttpBlock>> _blocks = [];
    private readonly LinkedList<HttpBlock> _byAge = new();
    private readonly CancellationTokenSource _lifetime = new();
    private readonly HttpRangeClient _client;
    private readonly HttpDiskOptions _options;
    private readonly int _maxBlocks;
    private long _expectedBlock = -1;
    private int _readAhead;

    private HttpDisk(HttpRangeClient client, HttpDiskOptions options, byte[] start)
    {
        _client = client;
        _options = options;
        _maxBlocks = (int)Math.Clamp(options.CacheLength / options.BlockSize, options.MaxReadAhead + 2L, 1 << 20);
        Info = new DiskInfo { FormatName = "raw", Variant = "http", VirtualSize = client.Length, ContainerLength = client.Length };
        if (start.Length > 0)
        {
            Insert(new HttpBlock(0, Task.FromResult(start)));
        }
    }

    /// <inheritdoc/>
    public override DiskInfo Info { get; }

    /// <inheritdoc/>
    public override long Length => _client.Length;

    /// <summary>How many requests were made, retries with them.</summary>
    public long RequestCount => _client.RequestCount;

    /// <summary>Opens a resource, by reading its first block.</summary>
    /// <param name="address">Its absolute address, http or https. What it holds behind a question mark, such as a signature, is kept out of messages.</param>
    /// <param name="client">What makes the requests; not owned. Authentication and proxies are its affair.</param>
    /// <param name="options">Sizes, retries and times.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The container, which the caller owns.</returns>
    /// <exception cref="CloudImageException">The resource cannot be read, or the server does not answer ranges.</exception>
    /// <exception cref="ArgumentException">The address is not an absolute one of http or https, or an option is out of range.</exception>
    public static async Task<HttpDisk> OpenAsync(Uri address, HttpClient client, HttpDiskOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(options);
        Validate(address, options);
        HttpRangeClient ranges = new(address, client, options);
        byte[] start = await ranges.OpenAsync(cancellationToken).ConfigureAwait(false);
        return new HttpDisk(ranges, options, start);
    }

    /// <summary>Opens a resource, by reading its first block, and waits for it.</summary>
    /// <param name="address">Its absolute address, http or https. What it holds behind a question mark, such as a signature, is kept out of messages.</param>
    /// <param name="client">What makes the requests; not owned. Authentication and proxies are its affair.</param>
    /// <param name="options">Sizes, retries and times.</param>
    /// <returns>The container, which the caller owns.</returns>
    /// <exception cref="CloudImageException">The resource cannot be read, or the server does not answer ranges.</exception>
    /// <exception cref="ArgumentException">The address is not an absolute one of http or https, or an option is out of range.</exception>
    public static HttpDisk Open(Uri address, HttpClient client, HttpDiskOptions options) =>
        SyncBridge.Wait(new ValueTask<HttpDisk>(OpenAsync(address, client, options, CancellationToken.None)));

    /// <inheritdoc/>
    protected override async ValueTask<int> ReadCoreAsync(Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        long first = offset / _options.BlockSize;
        long last = (offset + buffer.Length - 1) / _options.BlockSize;
        for (long number = first; number <= last; number++)
        {
            // All that fit into the window are under way before the first is waited for.
            Task<byte[]> fetch = Fetch(number, last);
            byte[] content = await fetch.WaitAsync(cancellationToken).ConfigureAwait(false);
            long blockStart = number * _options.BlockSize;
            int from = (int)(Math.Max(offset, blockStart) - blockStart);
            int count = (int)Math.Min(content.Length - from, offset + buffer.Length - Math.Max(offset, blockStart));
            content.AsMemory(from, count).CopyTo(buffer[(int)(blockStart + from - offset)..]);
        }

        return buffer.Length;
    }

    /// <inheritdoc/>
    protected override ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken) =>
        ValueTask.FromResult(new DiskPlacement(offset, length, DiskExtentKind.Data, offset, this, 0, false, 0));

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _lifetime.Cancel();
        _lifetime.Dispose();
        _client.Dispose();
        base.Dispose(disposing);
    }

    private static void Validate(Uri address, HttpDiskOptions options)
    {
        if (!address.IsAbsoluteUri || (address.Scheme != Uri.UriSchemeHttp && address.Scheme != Uri.UriSchemeHttps))
        {
            throw new ArgumentException("The address is not an absolute one of http or https.", nameof(address));
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(options.BlockSize, 4096, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.BlockSize, 64 << 20, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegative(options.MaxReadAhead, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.MaxReadAhead, 1024, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegative(options.CacheLength, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxRequests, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegative(options.MaxRetries, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.RetryDelay, TimeSpan.Zero, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(options.RequestTimeout, TimeSpan.Zero, nameof(options));
    }

    // A reader that takes the block after its last one gets twice as much read ahead as before, up to the limit.
    private Task<byte[]> Fetch(long number, long lastWanted)
    {
        lock (_lock)
        {
            if (number == _expectedBlock)
            {
                _readAhead = Math.Min(_options.MaxReadAhead, Math.Max(1, 2 * _readAhead));
            }
            else if (number != _expectedBlock - 1)
            {
                _readAhead = 0;
            }

            _expectedBlock = number + 1;
            Task<byte[]> wanted = FindOrStart(number);
            long end = Math.Min((Length - 1) / _options.BlockSize, Math.Max(Math.Min(lastWanted, number + _options.MaxRequests - 1), number + _readAhead));
            for (long ahead = number + 1; ahead <= end; ahead++)
            {
                FindOrStart(ahead);
            }

            return wanted;
        }
    }

    private Task<byte[]> FindOrStart(long number)
    {
        if (_blocks.TryGetValue(number, out LinkedListNode<HttpBlock>? node))
        {
            if (!node.Value.Content.IsFaulted && !node.Value.Content.IsCanceled)
            {
                _byAge.Remove(node);
                _byAge.AddFirst(node);
                return node.Value.Content;
            }

            // What failed is asked for again by the next who wants it.
            _byAge.Remove(node);
            _blocks.Remove(number);
        }

        long blockStart = number * _options.BlockSize;
        Task<byte[]> content = _client.FetchAsync(blockStart, (int)Math.Min(_options.BlockSize, Length - blockStart), _lifetime.Token);
        Insert(new HttpBlock(number, content));
        return content;
    }

    private void Insert(HttpBlock block)
    {
        _blocks[block.Number] = _byAge.AddFirst(block);
        LinkedListNode<HttpBlock>? node = _byAge.Last;
        while (_blocks.Count > _maxBlocks && node is not null)
        {
            LinkedListNode<HttpBlock>? younger = node.Previous;
            if (node.Value.Content.IsCompleted)
            {
                _byAge.Remove(node);
                _blocks.Remove(node.Value.Number);
            }

            node = younger;
        }
    }

    private readonly struct HttpBlock
    {
        public HttpBlock(long number, Task<byte[]> content)
        {
            Number = number;
            Content = content;
        }

        public long Number { get; }

        public Task<byte[]> Content { get; }
    }
}
