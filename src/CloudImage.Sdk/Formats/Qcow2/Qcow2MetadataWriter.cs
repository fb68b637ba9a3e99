using System;
using System.Buffers.Binary;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>Lays out and writes the tables of a new image behind its data: L2, L1, refcounts, and the header last of all.</summary>
internal sealed class Qcow2MetadataWriter
{
    private readonly ImageSink _sink;
    private readonly Qcow2Options _options;
    private readonly Qcow2Geometry _geometry;
    private readonly Qcow2L2Map _map;
    private readonly Qcow2Allocator _allocator;

    public Qcow2MetadataWriter(ImageSink sink, Qcow2Options options, Qcow2Geometry geometry, Qcow2L2Map map, Qcow2Allocator allocator)
    {
        _sink = sink;
        _options = options;
        _geometry = geometry;
        _map = map;
        _allocator = allocator;
    }

    /// <summary>Writes everything. A crash before the header, which is written behind a barrier, leaves no image.</summary>
    public async ValueTask WriteAsync(IoMode mode, CancellationToken cancellationToken)
    {
        _allocator.EndBytes();
        long l1Offset = _geometry.L1Clusters == 0 ? 0 : _allocator.Append(_geometry.L1Clusters);
        using SinkBatch batch = new(_sink, _geometry.ClusterSize, mode, cancellationToken);
        ulong[] l1 = await WriteL2Async(batch).ConfigureAwait(false);
        await WriteTableAsync(batch, l1Offset, l1).ConfigureAwait(false);
        (long tableOffset, long tableClusters) = await WriteRefcountsAsync(batch).ConfigureAwait(false);
        await batch.FlushAsync().ConfigureAwait(false);
        _sink.SetLength(_allocator.Clusters << _geometry.ClusterBits);
        await _sink.FlushAsync(mode, cancellationToken).ConfigureAwait(false);
        byte[] header = Qcow2HeaderWriter.Build(_options, _geometry, l1Offset, tableOffset, tableClusters);
        await _sink.WriteAsync(header, 0, mode, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<ulong[]> WriteL2Async(SinkBatch batch)
    {
        ulong[] l1 = new ulong[_geometry.L1Entries];
        for (int index = 0; index < l1.Length; index++)
        {
            if (_map.TableAt(index) is not { } table || !table.AsSpan().ContainsAnyExcept(0UL))
            {
                continue;
            }

            long fileOffset = _allocator.TakeOne();
            l1[index] = (ulong)fileOffset | Qcow2Constants.CopiedFlag;
            Memory<byte> piece = await batch.NextAsync(fileOffset, _geometry.ClusterSize).ConfigureAwait(false);
            WriteWords(piece.Span, table);
        }

        return l1;
    }

    private async ValueTask WriteTableAsync(SinkBatch batch, long fileOffset, ulong[] table)
    {
        int wordsPerCluster = _geometry.ClusterSize / 8;
        for (int position = 0; position < table.Length; position += wordsPerCluster)
        {
            Memory<byte> piece = await batch.NextAsync(fileOffset + (position * 8L), _geometry.ClusterSize).ConfigureAwait(false);
            WriteWords(piece.Span, table.AsSpan(position, Math.Min(wordsPerCluster, table.Length - position)));
        }
    }

    // The blocks and their table count themselves: their number is fixed before the first is made.
    private async ValueTask<(long TableOffset, long TableClusters)> WriteRefcountsAsync(SinkBatch batch)
    {
        (long blocks, long tableClusters) = _geometry.RefcountClusters(_allocator.Clusters);
        long tableOffset = _allocator.Append(tableClusters);
        long blockOffset = _allocator.Append(blocks);
        if (tableClusters << _geometry.ClusterBits > Qcow2Constants.MaxRefcountTableLength)
        {
            throw new InvalidOperationException($"The image has {_allocator.Clusters} clusters, more than a refcount table of {Qcow2Constants.MaxRefcountTableLength} bytes covers. Use larger clusters.");
        }

        ulong[] table = new ulong[blocks];
        for (long block = 0; block < blocks; block++)
        {
            table[block] = (ulong)(blockOffset + (block << _geometry.ClusterBits));
        }

        await WriteTableAsync(batch, tableOffset, table).ConfigureAwait(false);
        for (long block = 0; block < blocks; block++)
        {
            Memory<byte> piece = await batch.NextAsync((long)table[block], _geometry.ClusterSize).ConfigureAwait(false);
            FillBlock(piece.Span, block * _geometry.RefcountsPerBlock);
        }

        return (tableOffset, tableClusters);
    }

    private void FillBlock(Span<byte> block, long firstCluster)
    {
        long count = Math.Min(_geometry.RefcountsPerBlock, _allocator.Clusters - firstCluster);
        for (long index = 0; index < count; index++)
        {
            Qcow2Refcounts.Set(block, index, _geometry.RefcountOrder, (ulong)_allocator.CountOf(firstCluster + index));
        }
    }

    private static void WriteWords(Span<byte> bytes, ReadOnlySpan<ulong> words)
    {
        Span<ulong> target = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ulong>(bytes)[..words.Length];
        if (BitConverter.IsLittleEndian)
        {
            BinaryPrimitives.ReverseEndianness(words, target);
        }
        else
        {
            words.CopyTo(target);
        }
    }
}
