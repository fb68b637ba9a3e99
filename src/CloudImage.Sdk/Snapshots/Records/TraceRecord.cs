using System;
using System.Collections.Generic;

namespace CloudImage.Sdk.Snapshots.Records;

/// <summary>A trace as it is stored: the chunks in the order of reading, and behind them their frames, contiguous, as far as they are few enough.</summary>
internal sealed class TraceRecord
{
    /// <summary>Length of the object of a trace without chunks.</summary>
    public const int EmptyObjectLength = RecordFile.HeaderLength + 8 + RecordFile.ChecksumLength;

    public required int ChunkSize { get; init; }

    /// <summary>The chunks with their frames; a frame is empty where it is not kept with the trace.</summary>
    public required IReadOnlyList<(long Chunk, ReadOnlyMemory<byte> Frame)> Chunks { get; init; }

    public static TraceRecord Read(string name, ReadOnlyMemory<byte> body)
    {
        RecordReader reader = new(name, body.Span);
        uint chunkSize = reader.UInt32();
        uint count = reader.UInt32();
        if (!SnapshotRepositoryOptions.IsChunkSize(chunkSize) || count * 12L > reader.Remaining)
        {
            throw reader.Corrupt("a trace holds impossible numbers.");
        }

        int position = reader.Position + ((int)count * 12);
        List<(long Chunk, ReadOnlyMemory<byte> Frame)> chunks = new((int)count);
        for (uint index = 0; index < count; index++)
        {
            long chunk = reader.Int64();
            uint length = reader.UInt32();
            if (chunk < 0 || length > body.Length - position)
            {
                throw reader.Corrupt("a frame of a trace lies outside.");
            }

            chunks.Add((chunk, body.Slice(position, (int)length)));
            position += (int)length;
        }

        return position == body.Length
            ? new TraceRecord { ChunkSize = (int)chunkSize, Chunks = chunks }
            : throw new RepositoryCorruptException(name, position, "the frames of a trace end before the record does.");
    }

    /// <summary>Layout: chunk size u32, count u32; each: chunk i64, length of its frame u32 (0 for none); the frames.</summary>
    public ReadOnlyMemory<byte> ToBody()
    {
        RecordWriter writer = new();
        writer.UInt32(ChunkSize).UInt32(Chunks.Count);
        foreach ((long chunk, ReadOnlyMemory<byte> frame) in Chunks)
        {
            writer.Int64(chunk).UInt32(frame.Length);
        }

        foreach ((long _, ReadOnlyMemory<byte> frame) in Chunks)
        {
            writer.Bytes(frame.Span);
        }

        return writer.Written;
    }
}
