using System;
using System.Collections.Generic;
using BenchmarkDotNet.Attributes;
using CloudImage.Sdk.Compression;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots.Collection;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Trees;

namespace CloudImage.Sdk.Benchmarks.Snapshots;

/// <summary>Time of one reference: the chunks of a million entries of leaves, checksum of each leaf included, and the packs of a thousand preps.</summary>
[MemoryDiagnoser]
public class MarkingBenchmarks
{
    private const int Leaves = 4096;
    private const int References = Leaves * TreeGeometry.FanOut;
    private const int Preps = 1000;
    private const int PacksOfAPrep = 4096;
    private readonly Dictionary<PackId, PackMarks> _packs = [];
    private byte[][] _inOrder = null!;
    private byte[][] _scattered = null!;
    private byte[][] _preps = null!;

    [GlobalSetup]
    public void Setup()
    {
        SessionId session = SessionId.NewRandom();
        PackSlot[] slots = new PackSlot[TreeGeometry.FanOut];
        FrameHeader header = new(FrameKind.Chunk, ChunkCodecId.Stored, false, 1 << 18, 1 << 18, default);
        for (int slot = 0; slot < slots.Length; slot++)
        {
            slots[slot] = new PackSlot((uint)(32 + (slot * header.FrameLength)), header);
        }

        for (int pack = 0; pack < Leaves; pack++)
        {
            _packs.Add(new PackId(PackKind.Data, session, 0, pack), new PackMarks(slots));
        }

        Random random = new(1);
        _inOrder = Build((leaf, entry) => Place(leaf, entry));
        _scattered = Build((leaf, _) => Place(random.Next(16) + (leaf & ~15), random.Next(slots.Length)));
        _preps = new byte[Preps][];
        for (int prep = 0; prep < Preps; prep++)
        {
            RefSet refs = new();
            for (int pack = 0; pack < PacksOfAPrep; pack++)
            {
                refs.Add(new PackId(PackKind.Data, session, 0, random.Next(4 * PacksOfAPrep)));
            }

            RecordWriter writer = new();
            refs.Write(writer);
            _preps[prep] = writer.Written.ToArray();
        }

        FramePlace Place(int pack, int slot) => new(new PackId(PackKind.Data, session, 0, pack), slots[slot].Offset, slots[slot].Length);
    }

    [Benchmark(OperationsPerInvoke = References)]
    public int ChunksInOrder() => Mark(_inOrder);

    [Benchmark(OperationsPerInvoke = References)]
    public int ChunksScattered() => Mark(_scattered);

    [Benchmark(OperationsPerInvoke = Preps * PacksOfAPrep)]
    public int PacksOfPreps()
    {
        RefSet live = new();
        foreach (byte[] prep in _preps)
        {
            RecordReader reader = new("prep", prep);
            live.UnionWith(RefSet.Read(ref reader));
        }

        return live.Count;
    }

    private int Mark(byte[][] leaves)
    {
        int references = 0;
        foreach (byte[] leaf in leaves)
        {
            references += NodeMarker.MarkLeaf(default, leaf, pack => _packs.GetValueOrDefault(pack));
        }

        return references == References ? references : throw new InvalidOperationException($"{references} references.");
    }

    private static byte[][] Build(Func<int, int, FramePlace> place)
    {
        byte[][] leaves = new byte[Leaves][];
        byte[] digest = new byte[ContentDigest.SizeInBytes];
        digest[0] = 1;
        for (int leaf = 0; leaf < Leaves; leaf++)
        {
            TreeNode node = new(0);
            for (int entry = 0; entry < TreeGeometry.FanOut; entry++)
            {
                node.SetStored(entry, new ContentDigest(digest), place(leaf, entry));
            }

            leaves[leaf] = NodeCodec.Encode(node);
        }

        return leaves;
    }
}
