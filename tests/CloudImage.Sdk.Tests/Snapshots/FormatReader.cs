using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using K4os.Compression.LZ4;
using CloudImage.Sdk.Hashing;

namespace CloudImage.Sdk.Tests.Snapshots;

/// <summary>
/// A second reader of repositories, written from FORMAT.md alone: it shares no code with the library but the hash functions
/// and codecs, and it knows nothing of speed. Encrypted ones it reads with <see cref="FormatKeys"/>.
/// </summary>
internal sealed class FormatReader
{
    private readonly IReadOnlyDictionary<string, byte[]> _objects;
    private readonly bool _isBlake3;
    private readonly int _chunkSize;
    private readonly FormatKeys? _keys;
    private readonly Dictionary<(string Pack, int Offset), (string Pack, int Offset)> _moves = [];

    public FormatReader(IReadOnlyDictionary<string, byte[]> objects, object? holder = null)
    {
        _objects = objects;
        _keys = holder is null ? null : new FormatKeys(objects, holder);
        string text = Encoding.UTF8.GetString(objects["repo.json"]);
        int cut = text.LastIndexOf(",\"checksum\":\"", StringComparison.Ordinal);
        using JsonDocument document = JsonDocument.Parse(text);
        Require(document.RootElement.GetProperty("checksum").GetString() == Hex(SHA256.HashData(Encoding.UTF8.GetBytes(text[..cut]))), "repo.json");
        Require(document.RootElement.GetProperty("version").GetInt32() == 0, "version");
        _isBlake3 = document.RootElement.GetProperty("digest").GetString() == "blake3";
        Require(document.RootElement.GetProperty("encryption").GetString() == (_keys is null ? "none" : "aes256gcm"), "encryption");
        _chunkSize = document.RootElement.GetProperty("chunkSize").GetInt32();
        foreach (string name in objects.Keys.Where(static name => name.StartsWith("g/", StringComparison.Ordinal) && name.EndsWith("/cond", StringComparison.Ordinal)))
        {
            ReadMoves(name[..^"/cond".Length]);
        }
    }

    /// <summary>Chunks that were put together from a patch and its base so far.</summary>
    public int Patches { get; private set; }

    /// <summary>The ids of the committed snapshots that are not retired.</summary>
    public List<string> Committed() =>
    [
        .. _objects.Keys.Where(name => name.StartsWith("s/", StringComparison.Ordinal) && name.EndsWith("/fate", StringComparison.Ordinal))
            .Select(name => name.Split('/')[1]).Where(sid => Record($"s/{sid}/fate", 4)[0] == 1 && !_objects.ContainsKey($"s/{sid}/retired")),
    ];

    /// <summary>Reads the whole disk of a snapshot.</summary>
    public byte[] ReadDisk(string sid)
    {
        byte[] fate = Record($"s/{sid}/fate", 4);
        string prepName = $"s/{sid}/prep.{BinaryPrimitives.ReadUInt16LittleEndian(fate.AsSpan(1)):x4}";
        Require(SHA256.HashData(_objects[prepName]).AsSpan().SequenceEqual(fate.AsSpan(3, 32)), "fate names the prep");
        using BinaryReader prep = new(new MemoryStream(Record(prepName, 3)));
        byte[] described = prep.ReadBytes(prep.ReadInt32());
        using BinaryReader descriptor = new(new MemoryStream(_keys?.OpenDescriptor(sid, described) ?? described));
        prep.ReadBytes(prep.ReadInt32());
        HashSet<string> refs = ReadRefs(prep);
        Require(descriptor.ReadUInt16() == 0 && descriptor.ReadByte() == (_isBlake3 ? 1 : 2), "descriptor");
        int flags = descriptor.ReadByte();
        Require(descriptor.ReadInt32() == _chunkSize, "chunk size");
        byte[] disk = new byte[descriptor.ReadInt64()];
        byte[] root = descriptor.ReadBytes(32);
        if ((flags & 1) != 0)
        {
            string pack = PackName(descriptor.ReadBytes(24));
            int offset = descriptor.ReadInt32();
            int length = descriptor.ReadInt32();
            long chunks = ((long)disk.Length + _chunkSize - 1) / _chunkSize;
            int level = 0;
            for (long reach = 256; reach < chunks; reach *= 256)
            {
                level++;
            }

            ReadNode(disk, root, pack, offset, length, level, 0, refs);
        }

        descriptor.BaseStream.Position = (flags & 1) != 0 ? 80 : 48;
        descriptor.ReadBytes(16);
        long sequence = descriptor.ReadInt64();
        descriptor.ReadBytes(24);
        string image = Encoding.UTF8.GetString(descriptor.ReadBytes(descriptor.ReadUInt16()));
        Require(Hex(Record($"n/{_keys?.HashName(image) ?? image}/{sequence:d10}", 8)) == sid, "number of the image");

        return disk;
    }

    /// <summary>Checks every segment: each entry leads to the frame whose id it begins with.</summary>
    /// <returns>How many entries there are.</returns>
    public long CheckSegments()
    {
        long entries = 0;
        foreach ((string name, byte[] content) in _objects.Where(pair => pair.Key.StartsWith("i/", StringComparison.Ordinal)))
        {
            ReadOnlySpan<byte> footer = content.AsSpan(content.Length - 72);
            Require(footer[..4].SequenceEqual("CIE0"u8) && content.AsSpan(0, 4).SequenceEqual("CIS0"u8), name);
            int packs = BinaryPrimitives.ReadInt32LittleEndian(footer[4..]);
            long count = BinaryPrimitives.ReadInt64LittleEndian(footer[8..]);
            long blocks = BinaryPrimitives.ReadInt64LittleEndian(footer[16..]);
            int table = (int)(32 + (blocks * 4096));
            byte[] hashed = [.. Encoding.UTF8.GetBytes(name), .. content.AsSpan(0, 32), .. content.AsSpan(table, content.Length - table - 32)];
            Require(SHA256.HashData(hashed).AsSpan().SequenceEqual(content.AsSpan(content.Length - 32)), name);
            long seen = 0;
            for (int block = 0; block < blocks; block++)
            {
                ReadOnlySpan<byte> page = content.AsSpan(32 + (block * 4096), 4096);
                Require(System.IO.Hashing.XxHash64.HashToUInt64(page[8..], block) == BinaryPrimitives.ReadUInt64LittleEndian(page), name);
                for (int index = 0; index < BinaryPrimitives.ReadInt64LittleEndian(page[8..]); index++, seen++)
                {
                    ReadOnlySpan<byte> entry = page.Slice(16 + (index * 24), 24);
                    ulong place = BinaryPrimitives.ReadUInt64LittleEndian(entry[16..]);
                    Require((int)(place >> 12) < packs, name);
                    string pack = PackName(content.AsSpan(table + ((int)(place >> 12) * 24), 24));
                    ReadOnlySpan<byte> slot = Slots(pack).AsSpan((int)(place & 0xfff) * 52, 52);
                    Require(slot.Slice(20, 16).SequenceEqual(entry[..16]), $"entry of {name}");
                }
            }

            Require(seen == count, $"count of {name}");
            entries += count;
        }

        return entries;
    }

    private static void Require(bool condition, string what)
    {
        if (!condition)
        {
            throw new InvalidDataException(what);
        }
    }

    private static string Hex(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(bytes);

    private static string PackName(ReadOnlySpan<byte> name)
    {
        Require(name[22] <= 1 && name[23] == 0, "pack name");
        return $"{(name[22] == 0 ? 'p' : 'm')}/{Hex(name[..16])}-{BinaryPrimitives.ReadUInt16LittleEndian(name[20..]):x4}-{BinaryPrimitives.ReadUInt32LittleEndian(name[16..]):x6}";
    }

    private static HashSet<string> ReadRefs(BinaryReader reader)
    {
        HashSet<string> refs = [];
        int groups = reader.ReadInt32();
        for (int group = 0; group < groups; group++)
        {
            byte[] name = reader.ReadBytes(24);
            uint first = BinaryPrimitives.ReadUInt32LittleEndian(name.AsSpan(16));
            byte[] bitmap = reader.ReadBytes(reader.ReadInt32());
            for (int bit = 0; bit < bitmap.Length * 8; bit++)
            {
                if ((bitmap[bit / 8] >> (bit % 8) & 1) != 0)
                {
                    BinaryPrimitives.WriteUInt32LittleEndian(name.AsSpan(16), first + (uint)bit);
                    refs.Add(PackName(name));
                }
            }
        }

        return refs;
    }

    private void ReadMoves(string generation)
    {
        using BinaryReader condemned = new(new MemoryStream(Record($"{generation}/cond", 9)));
        condemned.ReadInt64();
        condemned.ReadBytes(condemned.ReadUInt16());
        if (condemned.ReadByte() == 0 || !_objects.ContainsKey($"{generation}/sweep"))
        {
            return;
        }

        Require(SHA256.HashData(_objects[$"{generation}/moves"]).AsSpan().SequenceEqual(condemned.ReadBytes(32)), "cond names the moves");
        using BinaryReader sweep = new(new MemoryStream(Record($"{generation}/sweep", 11)));
        HashSet<string> swept = ReadRefs(sweep);
        using BinaryReader moves = new(new MemoryStream(Record($"{generation}/moves", 10)));
        moves.ReadBytes(16);
        moves.ReadBytes(16 * moves.ReadInt32());
        string[] targets = [.. Enumerable.Range(0, moves.ReadInt32()).Select(_ => PackName(moves.ReadBytes(24)))];
        for (int sources = moves.ReadInt32(); sources > 0; sources--)
        {
            string source = PackName(moves.ReadBytes(24));
            for (int frames = moves.ReadInt32(); frames > 0; frames--)
            {
                int from = moves.ReadInt32();
                string target = targets[moves.ReadInt32()];
                int to = moves.ReadInt32();
                if (swept.Contains(source))
                {
                    _moves.Add((source, from), (target, to));
                }
            }
        }

        Require(moves.BaseStream.Position == moves.BaseStream.Length, "end of moves");
    }

    private byte[] Record(string name, int kind)
    {
        byte[] content = _objects[name];
        int length = BinaryPrimitives.ReadInt32LittleEndian(content.AsSpan(8));
        Require(content.AsSpan(0, 4).SequenceEqual("CIR0"u8) && content[4] == kind && content.Length == length + 44, name);
        byte[] hashed = [.. Encoding.UTF8.GetBytes(name), 0, .. content.AsSpan(0, length + 12)];
        Require(SHA256.HashData(hashed).AsSpan().SequenceEqual(content.AsSpan(length + 12)), name);
        return content[12..(length + 12)];
    }

    private byte[] Slots(string pack)
    {
        byte[] content = _objects[pack];
        ReadOnlySpan<byte> footer = content.AsSpan(content.Length - 88);
        int count = BinaryPrimitives.ReadInt32LittleEndian(footer[8..]);
        int table = (int)BinaryPrimitives.ReadInt64LittleEndian(footer[16..]);
        Require(footer[..4].SequenceEqual("CIT0"u8) && content.AsSpan(0, 4).SequenceEqual("CIP0"u8) && PackName(content.AsSpan(8, 24)) == pack, pack);
        Require(table + (52 * count) + 88 == content.Length, pack);
        Require(SHA256.HashData(content.AsSpan(0, content.Length - 32)).AsSpan().SequenceEqual(content.AsSpan(content.Length - 32)), pack);
        byte[] named = [.. content.AsSpan(8, 24), .. content.AsSpan(table, (52 * count) + 24)];
        Require(SHA256.HashData(named).AsSpan().SequenceEqual(footer.Slice(24, 32)), pack);
        return content[table..(table + (52 * count))];
    }

    private byte[] Frame(string pack, int offset, int length, ReadOnlySpan<byte> id, int kind)
    {
        while (_moves.TryGetValue((pack, offset), out (string Pack, int Offset) moved))
        {
            (pack, offset) = moved;
        }

        return Open(_objects[pack].AsSpan(offset, length), id.ToArray(), kind);
    }

    private byte[] Open(ReadOnlySpan<byte> frame, byte[]? id, int kind)
    {
        Require(frame[..4].SequenceEqual("CIF0"u8) && frame[4] == 0 && frame[6] == (_keys is null ? 0 : 1) && frame[7] == kind, "frame");
        Require(id is null || frame.Slice(16, 32).SequenceEqual(_keys is null ? id : _keys.IdOf(frame[48..], id)), "id of a frame");
        Require(BinaryPrimitives.ReadInt32LittleEndian(frame[12..]) == frame.Length - 48, "length of a frame");
        byte[] plain = new byte[BinaryPrimitives.ReadInt32LittleEndian(frame[8..])];
        ReadOnlySpan<byte> payload = _keys is null ? frame[48..] : _keys.OpenFrame(frame[..48], frame[48..], kind == 1);
        switch (frame[5])
        {
            case 0:
                payload.CopyTo(plain);
                break;
            case 1:
                Require(LZ4Codec.Decode(payload, plain) == plain.Length, "LZ4");
                break;
            default:
                using (ZstdSharp.Decompressor decompressor = new())
                {
                    Require(decompressor.Unwrap(payload, plain) == plain.Length, "zstd");
                }

                break;
        }

        return plain;
    }

    private void ReadNode(byte[] disk, byte[] hash, string pack, int offset, int length, int level, long firstChunk, HashSet<string> refs)
    {
        Require(refs.Contains(pack), $"refs hold {pack}");
        byte[] plain = Frame(pack, offset, length, hash, 1);
        Require(System.IO.Hashing.XxHash64.HashToUInt64(plain.AsSpan(0, plain.Length - 8)) == BinaryPrimitives.ReadUInt64LittleEndian(plain.AsSpan(plain.Length - 8)), "node");
        using BinaryReader reader = new(new MemoryStream(plain));
        Require(reader.ReadUInt32() == 0x304e4943 && reader.ReadByte() == 0 && reader.ReadByte() == level && reader.ReadUInt16() == 0, "node");
        int tableLength = reader.ReadInt32();
        byte[] kinds = reader.ReadBytes(64);
        string[] table = [.. Enumerable.Range(0, tableLength).Select(_ => PackName(reader.ReadBytes(24)))];
        byte[][] digests = new byte[256][];
        List<int> patched = [];
        List<(int Index, string Pack, int Offset, int Length)> stored = [];
        long span = (long)Math.Pow(256, level);
        for (int index = 0; index < 256; index++)
        {
            int kind = kinds[index / 4] >> (2 * (index % 4)) & 3;
            digests[index] = new byte[32];
            if (kind == 2)
            {
                digests[index].AsSpan().Fill(255);
            }

            if (kind is 1 or 3)
            {
                Require(kind == 1 || level == 0, "patches stand in leaves");
                digests[index] = reader.ReadBytes(32);
                stored.Add((index, table[reader.ReadUInt16()], reader.ReadInt32(), reader.ReadInt32()));
            }

            if (kind == 3)
            {
                patched.Add(index);
            }
        }

        Dictionary<int, Patch> patches = patched.ToDictionary(
            static index => index,
            _ => new Patch(reader.ReadBytes(32), reader.ReadBytes(32), table[reader.ReadUInt16()], reader.ReadInt32(), reader.ReadInt32()));
        Require(MerkleRoot(digests).AsSpan().SequenceEqual(hash), "hash of a node");
        foreach ((int index, string target, int at, int count) in stored)
        {
            Descend(disk, digests[index], target, at, count, level, firstChunk + (index * span), refs, patches.GetValueOrDefault(index));
        }
    }

    private void Descend(byte[] disk, byte[] digest, string pack, int offset, int length, int level, long chunk, HashSet<string> refs, Patch? patch)
    {
        if (level > 0)
        {
            ReadNode(disk, digest, pack, offset, length, level - 1, chunk, refs);
            return;
        }

        Require(refs.Contains(pack), $"refs hold {pack}");
        byte[] plain = patch is null ? Frame(pack, offset, length, digest, 0) : ReadPatched(pack, offset, length, patch, refs);
        Require(plain.Length == _chunkSize && Digest(plain).AsSpan().SequenceEqual(digest), "digest of a chunk");
        int start = checked((int)(chunk * _chunkSize));
        plain.AsSpan(0, Math.Min(_chunkSize, disk.Length - start)).CopyTo(disk.AsSpan(start));
    }

    private byte[] ReadPatched(string pack, int offset, int length, Patch patch, HashSet<string> refs)
    {
        Require(refs.Contains(patch.Pack), $"refs hold {patch.Pack}, where a base lies");
        byte[] plain = Frame(patch.Pack, patch.Offset, patch.Length, patch.BaseDigest, 0);
        Require(plain.Length == _chunkSize && Digest(plain).AsSpan().SequenceEqual(patch.BaseDigest), "digest of a base");
        byte[] changes = Frame(pack, offset, length, patch.Digest, 2);
        Require(Digest(changes).AsSpan().SequenceEqual(patch.Digest), "digest of a patch");
        ulong mask = BinaryPrimitives.ReadUInt64LittleEndian(changes);
        int block = _chunkSize / 64;
        int position = 8;
        for (int index = 0; index < 64; index++)
        {
            if ((mask >> index & 1) != 0)
            {
                changes.AsSpan(position, block).CopyTo(plain.AsSpan(index * block));
                position += block;
            }
        }

        Patches++;
        Require(position == changes.Length && System.Numerics.BitOperations.PopCount(mask) is > 0 and <= 32, "blocks of a patch");
        return plain;
    }

    private byte[] MerkleRoot(byte[][] entries)
    {
        byte[][] level = [.. entries.Select(entry => Digest([0, .. entry]))];
        while (level.Length > 1)
        {
            level = [.. level.Chunk(2).Select(pair => Digest([1, .. pair[0], .. pair[1]]))];
        }

        return level[0];
    }

    /// <summary>Reads a trace: the chunks with what their frames hold, those without a frame left out.</summary>
    public List<(long Chunk, byte[] Plain)> ReadTrace(string name)
    {
        byte[] body = Record(name, 16);
        Require(BinaryPrimitives.ReadInt32LittleEndian(body) == _chunkSize, "chunk size of a trace");
        int count = BinaryPrimitives.ReadInt32LittleEndian(body.AsSpan(4));
        int position = 8 + (12 * count);
        List<(long Chunk, byte[] Plain)> chunks = [];
        for (int index = 0; index < count; index++)
        {
            int length = BinaryPrimitives.ReadInt32LittleEndian(body.AsSpan(16 + (12 * index)));
            if (length > 0)
            {
                byte[] plain = Open(body.AsSpan(position, length), null, 0);
                Require(_keys is not null || Digest(plain).AsSpan().SequenceEqual(body.AsSpan(position + 16, 32)), "digest of a traced chunk");
                chunks.Add((BinaryPrimitives.ReadInt64LittleEndian(body.AsSpan(8 + (12 * index))), plain));
                position += length;
            }
        }

        Require(position == body.Length, "end of a trace");
        return chunks;
    }

    private byte[] Digest(byte[] input) => _isBlake3 ? Blake3.HashData(input).ToArray() : SHA256.HashData(input);

    private sealed record Patch(byte[] Digest, byte[] BaseDigest, string Pack, int Offset, int Length);
}
