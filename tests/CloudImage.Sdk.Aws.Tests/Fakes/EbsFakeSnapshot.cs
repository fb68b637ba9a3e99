using System;
using System.Collections.Generic;
using System.Linq;
using System.Security.Cryptography;
using System.Threading;

namespace CloudImage.Sdk.Aws.Tests.Fakes;

/// <summary>A snapshot of the fake: what was put into it, and, once it is complete, what it reads as.</summary>
internal sealed class EbsFakeSnapshot
{
    private readonly Lock _lock = new();
    private readonly Dictionary<int, StoredBlock> _written = [];
    private Dictionary<int, StoredBlock> _content = [];
    private int[] _indexes = [];

    public required string Id { get; init; }

    public required int VolumeSize { get; init; }

    public required string Lineage { get; init; }

    public EbsFakeSnapshot? Parent { get; init; }

    public string? ClientToken { get; init; }

    /// <summary>What it was begun with, to tell a repeated call from another.</summary>
    public string Parameters { get; init; } = string.Empty;

    public string? Description { get; init; }

    public long BegunAt { get; init; }

    public bool IsSealed { get; private set; }

    /// <summary>How many polls it still answers as pending, once sealed.</summary>
    public int PollsLeft { get; set; }

    public bool IsCompleted => IsSealed && PollsLeft <= 0;

    public int BlockCount => VolumeSize * 2048;

    /// <summary>Indexes of all blocks that it reads as data, in order.</summary>
    public int[] Indexes => _indexes;

    public IReadOnlyCollection<int> Written
    {
        get
        {
            lock (_lock)
            {
                return [.. _written.Keys];
            }
        }
    }

    public void Put(int index, byte[] content, byte[] digest)
    {
        lock (_lock)
        {
            _written[index] = new StoredBlock(content, digest);
        }
    }

    public StoredBlock? Find(int index) => _content.GetValueOrDefault(index);

    /// <summary>Why a completion is refused; null where it went through.</summary>
    public string? Seal(int changedBlocks, byte[]? linearDigest, int pollsUntilCompleted)
    {
        lock (_lock)
        {
            if (changedBlocks != _written.Count)
            {
                return $"ChangedBlocksCount is {changedBlocks}, and {_written.Count} blocks were put.";
            }

            if (linearDigest is not null)
            {
                using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
                foreach ((_, StoredBlock block) in _written.OrderBy(static pair => pair.Key))
                {
                    hash.AppendData(block.Digest);
                }

                if (!hash.GetHashAndReset().AsSpan().SequenceEqual(linearDigest))
                {
                    return "The checksum is not that of the blocks that were put.";
                }
            }

            Publish([]);
            PollsLeft = pollsUntilCompleted;
            return null;
        }
    }

    /// <summary>Makes it complete as a snapshot that the service took itself of a volume, where blocks can go away.</summary>
    public void Publish(IEnumerable<int> removed)
    {
        _content = Parent is null ? [] : new Dictionary<int, StoredBlock>(Parent._content);
        foreach ((int index, StoredBlock block) in _written)
        {
            _content[index] = block;
        }

        foreach (int index in removed)
        {
            _content.Remove(index);
        }

        _indexes = [.. _content.Keys.Order()];
        IsSealed = true;
    }

    /// <summary>The indexes in which two snapshots differ, in order.</summary>
    public static int[] Changes(EbsFakeSnapshot? first, EbsFakeSnapshot second) =>
    [
        .. (first?._content.Keys ?? Enumerable.Empty<int>()).Union(second._content.Keys)
            .Where(index => !ReferenceEquals(first?.Find(index), second.Find(index)))
            .Order(),
    ];

    /// <summary>A block's bytes and their digest.</summary>
    internal sealed record StoredBlock(byte[] Content, byte[] Digest);
}
