using System;
using System.Collections.Generic;
using System.Globalization;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Trees;

namespace CloudImage.Sdk.Snapshots.Records;

/// <summary>What a snapshot is: root, length, where it comes from. What a signature is made over, byte for byte.</summary>
internal sealed class SnapshotDescriptor
{
    /// <summary>The tag of a snapshot that stands in the place of another one, or, a copy, right behind it, with that one's number.</summary>
    public const string MendsTag = "cloudimage.mends";
    private const int MaxTags = 256;

    public required ContentHashAlgorithm Suite { get; init; }

    public required int ChunkSize { get; init; }

    public required long Length { get; init; }

    public required ContentDigest Root { get; init; }

    /// <summary>Where the root node lies; default where the root is a reserved digest.</summary>
    public required FramePlace RootPlace { get; init; }

    public required bool IsLayer { get; init; }

    public required SessionId Parent { get; init; }

    public required string Image { get; init; }

    public required long Sequence { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>How the capture was asked to compress, as text; for people.</summary>
    public required string Codec { get; init; }

    /// <summary>Bytes of the chunks that are not zero.</summary>
    public required long DataBytes { get; init; }

    /// <summary>Bytes of packs and segments that this session wrote.</summary>
    public required long StoredBytes { get; init; }

    public required IReadOnlyList<KeyValuePair<string, string>> Tags { get; init; }

    /// <summary>What a copy was where it was captured; null where this is no copy.</summary>
    public DescriptorOrigin? Origin { get; init; }

    /// <summary>The number in the image's sequence that the content belongs to: its own, or that of the snapshot in whose place it stands.</summary>
    public long PlaceInSequence
    {
        get
        {
            foreach ((string key, string value) in Tags)
            {
                if (key == MendsTag && long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out long sequence) && sequence < Sequence)
                {
                    return sequence;
                }
            }

            return Sequence;
        }
    }

    /// <summary>The tags but for <see cref="MendsTag"/>, and that one for a place other than the snapshot's own.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> Place(IReadOnlyList<KeyValuePair<string, string>> tags, long? place)
    {
        List<KeyValuePair<string, string>> placed = new(tags.Count + 1);
        foreach (KeyValuePair<string, string> tag in tags)
        {
            if (tag.Key != MendsTag)
            {
                placed.Add(tag);
            }
        }

        if (place is { } number)
        {
            placed.Add(new KeyValuePair<string, string>(MendsTag, number.ToString(CultureInfo.InvariantCulture)));
        }

        return placed;
    }

    public TreeGeometry Geometry => new(Length, ChunkSize);

    public static SnapshotDescriptor Read(string name, ReadOnlySpan<byte> source)
    {
        RecordReader reader = new(name, source);
        if (reader.UInt16() != 0)
        {
            throw reader.Corrupt("a descriptor of version 0 was expected.");
        }

        ContentHashAlgorithm suite = (ContentHashAlgorithm)reader.Byte();
        int flags = reader.Byte();
        uint chunkSize = reader.UInt32();
        long length = reader.Int64();
        ContentDigest root = reader.Digest();
        FramePlace place = (flags & 1) == 0 ? default : new FramePlace(reader.Pack(), reader.UInt32(), reader.UInt32());
        SessionId parent = reader.Session();
        SnapshotDescriptor descriptor = new()
        {
            Suite = suite,
            ChunkSize = (int)chunkSize,
            Length = length,
            Root = root,
            RootPlace = place,
            IsLayer = (flags & 2) != 0,
            Parent = parent,
            Sequence = reader.Int64(),
            CreatedAt = reader.Time(),
            DataBytes = reader.Int64(),
            StoredBytes = reader.Int64(),
            Image = reader.Text(),
            Codec = reader.Text(),
            Tags = ReadTags(ref reader),
            Origin = (flags & 4) == 0 ? null : DescriptorOrigin.Read(ref reader),
        };
        reader.End();
        bool isValid = suite is ContentHashAlgorithm.Blake3 or ContentHashAlgorithm.Sha256 && (flags & ~7) == 0 && length >= 0 && descriptor.Sequence >= 0
            && SnapshotRepositoryOptions.IsChunkSize(chunkSize) && TreeNode.KindOf(root) == EntryKind.Stored == ((flags & 1) != 0)
            && (place.IsDefault || place.Pack.Kind == PackKind.Tree) && (TreeNode.KindOf(root) != EntryKind.Absent || descriptor.IsLayer);
        return isValid ? descriptor : throw new RepositoryCorruptException(name, 0, "the descriptor contradicts itself.");
    }

    public byte[] ToArray()
    {
        bool hasRoot = !RootPlace.IsDefault;
        RecordWriter writer = new();
        writer.UInt16(0).Byte((int)Suite).Byte((hasRoot ? 1 : 0) | (IsLayer ? 2 : 0) | (Origin is null ? 0 : 4)).UInt32(ChunkSize).Int64(Length).Digest(Root);
        if (hasRoot)
        {
            writer.Pack(RootPlace.Pack).UInt32(RootPlace.Offset).UInt32(RootPlace.Length);
        }

        writer.Session(Parent).Int64(Sequence).Time(CreatedAt).Int64(DataBytes).Int64(StoredBytes).Text(Image).Text(Codec);
        writer.UInt16(Tags.Count);
        foreach ((string key, string value) in Tags)
        {
            writer.Text(key).Text(value);
        }

        Origin?.Write(writer);
        return writer.Written.ToArray();
    }

    private static List<KeyValuePair<string, string>> ReadTags(ref RecordReader reader)
    {
        int count = reader.UInt16();
        if (count > MaxTags)
        {
            throw reader.Corrupt($"{count} tags are more than {MaxTags}.");
        }

        List<KeyValuePair<string, string>> tags = [];
        for (int index = 0; index < count; index++)
        {
            string key = reader.Text();
            tags.Add(new KeyValuePair<string, string>(key, reader.Text()));
        }

        return tags;
    }
}
