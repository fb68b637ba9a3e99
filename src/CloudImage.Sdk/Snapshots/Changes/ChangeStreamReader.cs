using System;
using System.Collections.Generic;
using System.IO;
using System.Security.Cryptography;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Snapshots.Changes;

/// <summary>Reads a change stream from its first byte to its last one: the whole of it is checked before any change is told.</summary>
internal sealed class ChangeStreamReader : IDisposable
{
    private readonly string _name;
    private readonly FileStream _stream;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _buffer = new byte[1 << 16];
    private long _position;

    public ChangeStreamReader(string path)
    {
        _name = path;
        _stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
    }

    /// <summary>Reads everything.</summary>
    /// <returns>The header, and each change with the position of its coded bytes.</returns>
    /// <exception cref="RepositoryCorruptException">The stream is damaged, cut off, or contradicts itself.</exception>
    public (ChangeStreamHeader Header, List<(ChangeRecord Record, long FileOffset)> Changes) Read()
    {
        Take(ChangeStreamHeader.SizeInBytes);
        ChangeStreamHeader header = ChangeStreamHeader.Read(_name, _buffer);
        List<(ChangeRecord Record, long FileOffset)> changes = [];
        long end = 0;
        while (true)
        {
            byte[] before = _hash.GetCurrentHash();
            Take(ChangeRecord.SizeInBytes);
            if (!ChangeRecord.TryRead(_buffer, out ChangeRecord record))
            {
                throw Corrupt("no change begins here.");
            }

            if (record.Kind == ChangeRecord.End)
            {
                if (record.Offset != 0 || record.Length != 0 || record.Digest != new ContentDigest(before) || _stream.ReadByte() >= 0)
                {
                    throw Corrupt("the stream does not end in the hash of what stands before.");
                }

                return (header, changes);
            }

            bool isChunk = record.Kind == ChangeRecord.Chunk;
            bool isValid = record.Offset >= end && record.Length > 0 && record.Length <= header.NewerLength - record.Offset && record.Offset % header.ChunkSize == 0
                && (record.Length % header.ChunkSize == 0 || record.Offset + record.Length == header.NewerLength) && (!isChunk || record.Length <= header.ChunkSize)
                && record.StoredLength <= header.ChunkSize;
            if (!isValid)
            {
                throw Corrupt("a change overlaps the one before it, or does not fit the disk.");
            }

            end = record.Offset + record.Length;
            changes.Add((record, _position));
            Skip(record.StoredLength);
        }
    }

    public void Dispose()
    {
        _stream.Dispose();
        _hash.Dispose();
    }

    private void Take(int count)
    {
        if (_stream.ReadAtLeast(_buffer.AsSpan(0, count), count, false) < count)
        {
            throw Corrupt("the stream is cut off.");
        }

        _hash.AppendData(_buffer, 0, count);
        _position += count;
    }

    private void Skip(int count)
    {
        while (count > 0)
        {
            int part = Math.Min(count, _buffer.Length);
            Take(part);
            count -= part;
        }
    }

    private RepositoryCorruptException Corrupt(string message) => new(_name, _position, message);
}
