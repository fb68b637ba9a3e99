using System;
using System.Buffers.Binary;
using System.Collections;
using System.Collections.Generic;
using System.Numerics;
using CloudImage.Sdk.Snapshots.Packs;

namespace CloudImage.Sdk.Snapshots.Records;

/// <summary>A set of packs, grouped by session, kind and owner with a bitmap of sequence numbers. Not thread-safe.</summary>
internal sealed class RefSet : IEnumerable<PackId>
{
    private readonly SortedDictionary<PackId, BitArrayBuilder> _groups = [];

    public int Count { get; private set; }

    public static RefSet Read(ref RecordReader reader)
    {
        RefSet set = new();
        uint groups = reader.UInt32();
        PackId previous = default;
        for (uint index = 0; index < groups; index++)
        {
            PackId key = reader.Pack();
            if (index > 0 && key.CompareTo(previous) <= 0)
            {
                throw reader.Corrupt("the groups of references are out of order.");
            }

            ReadOnlySpan<byte> bitmap = reader.Block();
            if (key.Sequence % 8 != 0 || bitmap.IsEmpty || bitmap[0] == 0 || bitmap[^1] == 0 || key.Sequence + (8L * bitmap.Length) > ObjectNames.MaxPackSequence + 8L)
            {
                throw reader.Corrupt("a bitmap of references is not in its shortest form.");
            }

            set.Count += set.Group(Key(key)).Or(key.Sequence >> 3, bitmap);
            previous = key;
        }

        return set;
    }

    public bool Add(PackId pack)
    {
        bool isNew = Group(Key(pack)).Set(pack.Sequence);
        Count += isNew ? 1 : 0;
        return isNew;
    }

    public bool Contains(PackId pack) => _groups.TryGetValue(Key(pack), out BitArrayBuilder? group) && group.Get(pack.Sequence);

    public void UnionWith(IEnumerable<PackId> packs)
    {
        if (packs is RefSet other)
        {
            UnionWith(other);
            return;
        }

        foreach (PackId pack in packs)
        {
            Add(pack);
        }
    }

    /// <summary>Adds another set, bitmap by bitmap.</summary>
    public void UnionWith(RefSet other)
    {
        foreach ((PackId key, BitArrayBuilder group) in other._groups)
        {
            Count += Group(key).Or(0, group.Bits);
        }
    }

    /// <summary>Whether the two sets have a pack in common.</summary>
    public bool Overlaps(RefSet other)
    {
        foreach ((PackId key, BitArrayBuilder group) in other._groups)
        {
            if (_groups.TryGetValue(key, out BitArrayBuilder? own) && own.Overlaps(group.Bits))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Layout: number of groups u32; each: pack name with the first sequence number (a multiple of 8), block of the bitmap.</summary>
    public void Write(RecordWriter writer)
    {
        writer.UInt32(_groups.Count);
        foreach ((PackId key, BitArrayBuilder group) in _groups)
        {
            ReadOnlySpan<byte> bits = group.Trim(out int first);
            writer.Pack(new PackId(key.Kind, key.Session, key.Owner, first)).Block(bits);
        }
    }

    public IEnumerator<PackId> GetEnumerator()
    {
        foreach ((PackId key, BitArrayBuilder group) in _groups)
        {
            for (int sequence = group.Next(0); sequence >= 0; sequence = group.Next(sequence + 1))
            {
                yield return new PackId(key.Kind, key.Session, key.Owner, sequence);
            }
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private BitArrayBuilder Group(PackId key)
    {
        if (!_groups.TryGetValue(key, out BitArrayBuilder? group))
        {
            group = new BitArrayBuilder();
            _groups.Add(key, group);
        }

        return group;
    }

    private static PackId Key(PackId pack) => new(pack.Kind, pack.Session, pack.Owner, 0);

    private sealed class BitArrayBuilder
    {
        private byte[] _bits = new byte[8];

        public ReadOnlySpan<byte> Bits => _bits;

        /// <summary>Sets the bits of a bitmap that begins at a byte of this one.</summary>
        /// <returns>How many were not set before.</returns>
        public int Or(int firstByte, ReadOnlySpan<byte> bits)
        {
            Reserve(firstByte + bits.Length);
            Span<byte> own = _bits.AsSpan(firstByte, bits.Length);
            int added = 0;
            while (bits.Length >= 8)
            {
                ulong present = BinaryPrimitives.ReadUInt64LittleEndian(own);
                ulong both = present | BinaryPrimitives.ReadUInt64LittleEndian(bits);
                added += BitOperations.PopCount(both ^ present);
                BinaryPrimitives.WriteUInt64LittleEndian(own, both);
                own = own[8..];
                bits = bits[8..];
            }

            for (int index = 0; index < bits.Length; index++)
            {
                added += BitOperations.PopCount((uint)(bits[index] & ~own[index]));
                own[index] |= bits[index];
            }

            return added;
        }

        public bool Overlaps(ReadOnlySpan<byte> bits)
        {
            for (int index = Math.Min(bits.Length, _bits.Length) - 1; index >= 0; index--)
            {
                if ((bits[index] & _bits[index]) != 0)
                {
                    return true;
                }
            }

            return false;
        }

        public bool Get(int index) => index >> 3 < _bits.Length && (_bits[index >> 3] & (1 << (index & 7))) != 0;

        public bool Set(int index)
        {
            Reserve((index >> 3) + 1);
            bool isNew = !Get(index);
            _bits[index >> 3] |= (byte)(1 << (index & 7));
            return isNew;
        }

        public int Next(int from)
        {
            for (int index = from; index < _bits.Length * 8; index++)
            {
                if ((index & 7) == 0 && _bits[index >> 3] == 0)
                {
                    index += 7;
                }
                else if (Get(index))
                {
                    return index;
                }
            }

            return -1;
        }

        private void Reserve(int length)
        {
            if (length > _bits.Length)
            {
                Array.Resize(ref _bits, (int)BitOperations.RoundUpToPowerOf2((uint)length));
            }
        }

        public ReadOnlySpan<byte> Trim(out int first)
        {
            int start = _bits.AsSpan().IndexOfAnyExcept((byte)0);
            int end = _bits.AsSpan().LastIndexOfAnyExcept((byte)0);
            first = start * 8;
            return _bits.AsSpan(start, end - start + 1);
        }
    }
}
