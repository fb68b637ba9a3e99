using System;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>A page of a snapshot's blocks, packed: indexes in order and the tokens that read them. Immutable.</summary>
internal sealed class EbsBlockPage
{
    private readonly int[] _indexes;
    private readonly int[] _tokenEnds;
    private readonly byte[] _tokens;

    public EbsBlockPage(int[] indexes, int[] tokenEnds, byte[] tokens)
    {
        _indexes = indexes;
        _tokenEnds = tokenEnds;
        _tokens = tokens;
    }

    /// <summary>Size of the snapshot's volume in GiB.</summary>
    public required int VolumeSize { get; init; }

    /// <summary>Until when the tokens hold.</summary>
    public required DateTimeOffset ExpiryTime { get; init; }

    /// <summary>What asks for the next page; null for the last one.</summary>
    public string? NextToken { get; init; }

    public ReadOnlySpan<int> Indexes => _indexes;

    /// <summary>The token that reads a block; null where the page does not list it.</summary>
    public string? FindToken(int blockIndex)
    {
        int at = Array.BinarySearch(_indexes, blockIndex);
        if (at < 0)
        {
            return null;
        }

        int start = at == 0 ? 0 : _tokenEnds[at - 1];
        return System.Text.Encoding.UTF8.GetString(_tokens, start, _tokenEnds[at] - start);
    }
}
