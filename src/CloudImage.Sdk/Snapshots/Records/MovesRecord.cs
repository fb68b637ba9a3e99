using System;
using System.Collections.Generic;
using CloudImage.Sdk.Snapshots.Packs;

namespace CloudImage.Sdk.Snapshots.Records;

/// <summary>What a compaction copied where, and for which snapshots its copies are complete.</summary>
internal sealed class MovesRecord
{
    private const int FrameLength = 12;

    /// <summary>The session that wrote the copies.</summary>
    public required SessionId Session { get; init; }

    /// <summary>The snapshots all of whose frames in the sources were copied.</summary>
    public required IReadOnlySet<SessionId> Covered { get; init; }

    /// <summary>The packs that hold the copies.</summary>
    public required PackId[] Targets { get; init; }

    public required IReadOnlyList<MovedPack> Packs { get; init; }

    /// <exception cref="RepositoryCorruptException">The body is no moves'.</exception>
    public static MovesRecord Read(string name, ReadOnlyMemory<byte> body)
    {
        RecordReader reader = new(name, body.Span);
        SessionId session = reader.Session();
        HashSet<SessionId> covered = [];
        for (uint left = Count(ref reader, SessionId.SizeInBytes); left > 0; left--)
        {
            covered.Add(reader.Session());
        }

        PackId[] targets = new PackId[Count(ref reader, PackId.SizeInBytes)];
        foreach (ref PackId target in targets.AsSpan())
        {
            target = reader.Pack();
        }

        List<MovedPack> packs = [];
        for (uint left = Count(ref reader, PackId.SizeInBytes + 4); left > 0; left--)
        {
            packs.Add(ReadPack(ref reader, targets));
        }

        reader.End();
        return new MovesRecord { Session = session, Covered = covered, Targets = targets, Packs = packs };
    }

    /// <summary>
    /// Layout: session 16; u32 count, sessions 16 each, ascending; u32 count, pack names of targets; u32 count of sources, each: pack
    /// name, u32 count of frames, each: u32 offset in the source, u32 number of the target, u32 offset there.
    /// </summary>
    public ReadOnlyMemory<byte> ToBody()
    {
        RecordWriter writer = new();
        writer.Session(Session).UInt32(Covered.Count);
        List<SessionId> sorted = [.. Covered];
        sorted.Sort();
        foreach (SessionId session in sorted)
        {
            writer.Session(session);
        }

        writer.UInt32(Targets.Length);
        foreach (PackId target in Targets)
        {
            writer.Pack(target);
        }

        writer.UInt32(Packs.Count);
        foreach (MovedPack pack in Packs)
        {
            writer.Pack(pack.Source).UInt32(pack.Count);
            for (int index = 0; index < pack.Count; index++)
            {
                (uint from, int target, uint to) = pack[index];
                writer.UInt32(from).UInt32(target).UInt32(to);
            }
        }

        return writer.Written;
    }

    private static MovedPack ReadPack(ref RecordReader reader, PackId[] targets)
    {
        PackId source = reader.Pack();
        uint count = Count(ref reader, FrameLength);
        uint[] from = new uint[count];
        int[] packs = new int[count];
        uint[] to = new uint[count];
        for (int index = 0; index < count; index++)
        {
            from[index] = reader.UInt32();
            uint target = reader.UInt32();
            to[index] = reader.UInt32();
            if (target >= targets.Length || targets[target].Kind != source.Kind || (index > 0 && from[index] <= from[index - 1]))
            {
                throw reader.Corrupt($"the move of frame {index} of '{source}' is out of order or leads nowhere.");
            }

            packs[index] = (int)target;
        }

        return new MovedPack(source, targets, from, packs, to);
    }

    private static uint Count(ref RecordReader reader, int itemLength)
    {
        uint count = reader.UInt32();
        return count <= reader.Remaining / itemLength ? count : throw reader.Corrupt($"{count} items of at least {itemLength} bytes are announced and {reader.Remaining} bytes are left.");
    }
}
