using System;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.Compression;
using CloudImage.Sdk.Snapshots.Collection;
using CloudImage.Sdk.Snapshots.Packs;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots.Collection;

/// <summary>The marks of a collection; alone, for what they take is measured.</summary>
[Collection("alone")]
public sealed class PackMarksTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(64)]
    [InlineData(257)]
    [InlineData(4096)]
    public void EveryFrame_HasABitOfItsOwn(int count)
    {
        Random random = new(count);
        for (int round = 0; round < 10; round++)
        {
            PackSlot[] slots = Slots(count, round == 0 ? static _ => 300_000 : random.Next, round == 1 ? 49 : 1 << 14);
            PackMarks marks = new(slots);
            Assert.Equal(slots.Sum(static slot => (long)slot.Length), marks.TotalBytes);
            bool[] isWanted = [.. slots.Select(_ => random.Next(2) == 0)];
            foreach (int index in Enumerable.Range(0, count).Where(index => isWanted[index]).OrderBy(_ => random.Next()))
            {
                Assert.True(marks.Mark(slots[index].Offset, slots[index].Length));
                Assert.False(marks.Mark(slots[index].Offset, slots[index].Length));
            }

            Assert.Equal(isWanted, slots.Select(slot => marks.IsMarked(slot.Offset)));
            Assert.Equal(slots.Where((_, index) => isWanted[index]).Sum(static slot => (long)slot.Length), marks.MarkedBytes);

            // Where no frame begins some frame is kept for nothing, and nothing breaks.
            marks.Mark(uint.MaxValue, 1);
            marks.Mark(0, 1);
        }
    }

    [Fact]
    public void Marking_FromManyThreads_CountsEachFrameOnce()
    {
        PackSlot[] slots = Slots(4096, new Random(1).Next, 1000);
        PackMarks marks = new(slots);
        Parallel.For(0, 8, thread =>
        {
            foreach (PackSlot slot in slots.OrderBy(slot => (slot.Offset * 31) ^ (uint)thread))
            {
                marks.Mark(slot.Offset, slot.Length);
            }
        });
        Assert.Equal(marks.TotalBytes, marks.MarkedBytes);
    }

    [Theory]
    [InlineData(256, 0.95)]
    [InlineData(512, 0.75)]
    [InlineData(4096, 0.55)]
    public void Memory_IsLessThanAByteAFrame(int frames, double most)
    {
        const int Packs = 300;
        PackSlot[] slots = Slots(frames, static _ => 7777, 8000);
        PackMarks[] all = new PackMarks[Packs];
        all[0] = new PackMarks(slots);
        long before = GC.GetTotalMemory(true);
        for (int pack = 1; pack < Packs; pack++)
        {
            all[pack] = new PackMarks(slots);
        }

        double each = (GC.GetTotalMemory(true) - before) / (double)(Packs - 1);
        GC.KeepAlive(all);

        // And an entry of the dictionary: 24 bytes of name, a reference, hash, link and bucket.
        Assert.InRange((each + 44) / frames, 0, most);
    }

    private static PackSlot[] Slots(int count, Func<int, int> draw, int most)
    {
        PackSlot[] slots = new PackSlot[count];
        uint offset = 32;
        for (int index = 0; index < count; index++)
        {
            FrameHeader header = new(FrameKind.Chunk, ChunkCodecId.Stored, false, 1 << 18, 1 + (draw(most) % most), default);
            slots[index] = new PackSlot(offset, header);
            offset += slots[index].Length;
        }

        return slots;
    }
}
