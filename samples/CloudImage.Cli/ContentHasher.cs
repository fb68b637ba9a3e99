using System;
using System.Buffers;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Channels;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Hashing;

namespace CloudImage.Cli;

/// <summary>The digest of a disk's content from its first to its last byte; reading runs ahead of hashing, holes are not read.</summary>
internal static class ContentHasher
{
    private const int BlockLength = 1 << 20;
    private const int BlocksAhead = 8;
    private static readonly byte[] s_zeroes = new byte[BlockLength];

    public static async Task<byte[]> HashAsync(VirtualDisk disk, ContentHashAlgorithm algorithm, IProgress<ProgressStep>? progress, CancellationToken cancellationToken)
    {
        Channel<Block> channel = Channel.CreateBounded<Block>(new BoundedChannelOptions(BlocksAhead) { SingleReader = true, SingleWriter = true });
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task reading = Task.Run(() => ReadAsync(disk, channel.Writer, stop.Token), CancellationToken.None);
        try
        {
            byte[] digest = algorithm == ContentHashAlgorithm.Blake3
                ? await HashBlake3Async(channel.Reader, disk.Length, progress, cancellationToken)
                : await HashSha256Async(channel.Reader, disk.Length, progress, cancellationToken);
            await reading;
            return digest;
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAny(reading);
        }
    }

    private static async Task ReadAsync(VirtualDisk disk, ChannelWriter<Block> writer, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (DiskExtent extent in disk.GetExtentsAsync(0, disk.Length, cancellationToken))
            {
                for (long offset = extent.Offset; offset < extent.End;)
                {
                    int count = (int)Math.Min(BlockLength, extent.End - offset);
                    byte[]? rented = null;
                    if (extent.Kind != DiskExtentKind.Zero)
                    {
                        rented = ArrayPool<byte>.Shared.Rent(BlockLength);
                        await ReadBlockAsync(disk, rented.AsMemory(0, count), offset, cancellationToken);
                    }

                    await writer.WriteAsync(new Block(rented, count), cancellationToken);
                    offset += count;
                }
            }

            writer.Complete();
        }
        catch (Exception exception)
        {
            writer.TryComplete(exception);
        }
    }

    private static async ValueTask ReadBlockAsync(VirtualDisk disk, Memory<byte> buffer, long offset, CancellationToken cancellationToken)
    {
        int read = disk.IsLocal ? disk.Read(buffer.Span, offset) : await disk.ReadAsync(buffer, offset, cancellationToken);
        if (read != buffer.Length)
        {
            throw new System.IO.EndOfStreamException($"The disk ended at byte {offset + read}, {buffer.Length - read} bytes early.");
        }
    }

    private static async Task<byte[]> HashSha256Async(ChannelReader<Block> blocks, long length, IProgress<ProgressStep>? progress, CancellationToken cancellationToken)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        long done = 0;
        await foreach (Block block in blocks.ReadAllAsync(cancellationToken))
        {
            hash.AppendData(block.Content);
            block.Return();
            progress?.Report(new ProgressStep(done += block.Length, length));
        }

        return hash.GetHashAndReset();
    }

    private static async Task<byte[]> HashBlake3Async(ChannelReader<Block> blocks, long length, IProgress<ProgressStep>? progress, CancellationToken cancellationToken)
    {
        Blake3 hash = new();
        long done = 0;
        await foreach (Block block in blocks.ReadAllAsync(cancellationToken))
        {
            hash.Append(block.Content);
            block.Return();
            progress?.Report(new ProgressStep(done += block.Length, length));
        }

        byte[] digest = new byte[ContentDigest.SizeInBytes];
        hash.GetCurrentHash(digest);
        return digest;
    }

    private readonly struct Block(byte[]? rented, int length)
    {
        public int Length => length;

        public ReadOnlySpan<byte> Content => (rented ?? s_zeroes).AsSpan(0, length);

        public void Return()
        {
            if (rented is not null)
            {
                ArrayPool<byte>.Shared.Return(rented);
            }
        }
    }
}
