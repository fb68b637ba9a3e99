using System;
using System.Collections.Generic;
using System.Text.Json;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>Reads pages of blocks out of JSON, holding them against what the protocol allows.</summary>
internal static class EbsPageReader
{
    public static EbsBlockPage ReadBlocks(ReadOnlySpan<byte> json, string subject)
    {
        Fields fields = new(subject);
        List<int> indexes = [];
        List<int> tokenEnds = [];
        byte[] tokens = new byte[Math.Max(1024, json.Length / 2)];
        int tokenLength = 0;
        Utf8JsonReader reader = new(json);
        Begin(ref reader, subject);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("Blocks"u8))
            {
                ForEachBlock(ref reader, json, subject, (int index, ReadOnlySpan<byte> token, ReadOnlySpan<byte> _) =>
                {
                    if (token.IsEmpty || token.Length > EbsConstants.MaxTokenLength)
                    {
                        throw Malformed(subject, $"block {index} has a token of {token.Length} bytes");
                    }

                    if (tokenLength + token.Length > tokens.Length)
                    {
                        Array.Resize(ref tokens, tokens.Length * 2);
                    }

                    token.CopyTo(tokens.AsSpan(tokenLength));
                    tokenLength += token.Length;
                    indexes.Add(index);
                    tokenEnds.Add(tokenLength);
                });
            }
            else
            {
                fields.Read(ref reader);
            }
        }

        End(ref reader, subject);
        int blockCount = fields.Finish();
        ThrowIfUnordered(indexes, blockCount, subject);
        return new EbsBlockPage([.. indexes], [.. tokenEnds], tokens.AsSpan(0, tokenLength).ToArray())
        {
            VolumeSize = fields.VolumeSize,
            ExpiryTime = fields.ExpiryTime,
            NextToken = fields.NextToken,
        };
    }

    public static EbsChangedPage ReadChanges(ReadOnlySpan<byte> json, string subject)
    {
        Fields fields = new(subject);
        List<(int Index, bool IsInSecond)> blocks = [];
        List<int> indexes = [];
        Utf8JsonReader reader = new(json);
        Begin(ref reader, subject);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("ChangedBlocks"u8))
            {
                ForEachBlock(ref reader, json, subject, (int index, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second) =>
                {
                    indexes.Add(index);
                    blocks.Add((index, !second.IsEmpty));
                });
            }
            else
            {
                fields.Read(ref reader);
            }
        }

        End(ref reader, subject);
        fields.Finish();

        // Blocks of the first snapshot may lie behind the end of a second one that is smaller.
        ThrowIfUnordered(indexes, EbsConstants.MaxVolumeSizeInGiB * EbsConstants.BlocksPerGiB, subject);
        return new EbsChangedPage { Blocks = blocks, VolumeSize = fields.VolumeSize, NextToken = fields.NextToken };
    }

    private delegate void BlockAction(int index, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second);

    private static void Begin(ref Utf8JsonReader reader, string subject)
    {
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            throw Malformed(subject, "it is no JSON object");
        }
    }

    private static void End(ref Utf8JsonReader reader, string subject)
    {
        if (reader.TokenType != JsonTokenType.EndObject || reader.Read())
        {
            throw Malformed(subject, "it does not end as a JSON object does");
        }
    }

    private static void ForEachBlock(ref Utf8JsonReader reader, ReadOnlySpan<byte> json, string subject, BlockAction action)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Null)
        {
            return;
        }

        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw Malformed(subject, "its blocks are no list");
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
        {
            int index = -1;
            ReadOnlySpan<byte> first = [];
            ReadOnlySpan<byte> second = [];
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (reader.ValueTextEquals("BlockIndex"u8))
                {
                    reader.Read();
                    if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt32(out index) || index < 0)
                    {
                        throw Malformed(subject, "an index of a block is no whole number from 0");
                    }
                }
                else if (reader.ValueTextEquals("BlockToken"u8) || reader.ValueTextEquals("FirstBlockToken"u8))
                {
                    first = Token(ref reader, json, subject);
                }
                else if (reader.ValueTextEquals("SecondBlockToken"u8))
                {
                    second = Token(ref reader, json, subject);
                }
                else
                {
                    reader.Read();
                    reader.Skip();
                }
            }

            if (index < 0)
            {
                throw Malformed(subject, "a block has no index");
            }

            action(index, first, second);
        }

        if (reader.TokenType != JsonTokenType.EndArray)
        {
            throw Malformed(subject, "its blocks are no objects");
        }
    }

    private static ReadOnlySpan<byte> Token(scoped ref Utf8JsonReader reader, ReadOnlySpan<byte> json, string subject)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Null)
        {
            return [];
        }

        if (reader.TokenType != JsonTokenType.String)
        {
            throw Malformed(subject, "a token is no text");
        }

        return reader.ValueIsEscaped
            ? System.Text.Encoding.UTF8.GetBytes(reader.GetString()!)
            : json.Slice((int)reader.TokenStartIndex + 1, reader.ValueSpan.Length);
    }

    private static void ThrowIfUnordered(List<int> indexes, int blockCount, string subject)
    {
        for (int at = 0; at < indexes.Count; at++)
        {
            if (indexes[at] >= blockCount || (at > 0 && indexes[at] <= indexes[at - 1]))
            {
                throw Malformed(subject, $"block {indexes[at]} comes after block {(at > 0 ? indexes[at - 1] : -1)}, in a volume of {blockCount} blocks");
            }
        }
    }

    private static EbsException Malformed(string subject, string what) =>
        new($"The list of {subject} is not as the protocol has it: {what}. The endpoint may not be EBS direct.");

    /// <summary>What stands beside the blocks.</summary>
    private struct Fields(string subject)
    {
        private int _blockSize;

        public int VolumeSize { get; private set; }

        public DateTimeOffset ExpiryTime { get; private set; }

        public string? NextToken { get; private set; }

        public void Read(ref Utf8JsonReader reader)
        {
            if (reader.ValueTextEquals("VolumeSize"u8))
            {
                reader.Read();
                VolumeSize = reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out int size) ? size : -1;
            }
            else if (reader.ValueTextEquals("BlockSize"u8))
            {
                reader.Read();
                _blockSize = reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out int size) ? size : -1;
            }
            else if (reader.ValueTextEquals("ExpiryTime"u8))
            {
                reader.Read();
                ExpiryTime = reader.TokenType == JsonTokenType.Number && reader.TryGetDouble(out double seconds) && seconds is > 0 and < 1e11
                    ? DateTimeOffset.FromUnixTimeMilliseconds((long)(seconds * 1000))
                    : default;
            }
            else if (reader.ValueTextEquals("NextToken"u8))
            {
                reader.Read();
                NextToken = reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
            }
            else
            {
                reader.Read();
                reader.Skip();
            }
        }

        /// <summary>Holds the fields against the protocol.</summary>
        /// <returns>How many blocks the volume has.</returns>
        public readonly int Finish()
        {
            if (_blockSize != EbsConstants.BlockSize)
            {
                throw Malformed(subject, $"its blocks have {_blockSize} bytes, and {EbsConstants.BlockSize} were expected");
            }

            if (VolumeSize is < 1 or > EbsConstants.MaxVolumeSizeInGiB)
            {
                throw Malformed(subject, $"the volume has {VolumeSize} GiB, and 1 to {EbsConstants.MaxVolumeSizeInGiB} were expected");
            }

            if (NextToken is { Length: 0 or > EbsConstants.MaxTokenLength })
            {
                throw Malformed(subject, $"the token of the next page has {NextToken.Length} characters");
            }

            return checked(VolumeSize * EbsConstants.BlocksPerGiB);
        }
    }
}
