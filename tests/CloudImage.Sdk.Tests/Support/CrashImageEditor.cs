using System;
using System.Collections.Generic;
using System.Linq;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Tests.Support;

/// <summary>An image in memory that is changed in place and remembers how: every state that a loss of power could leave can be made again.</summary>
/// <remarks>Between two barriers writes may reach the medium in any order or not at all, each sector of 512 bytes whole or not.</remarks>
public sealed class CrashImageEditor : ImageEditor
{
    private const int SectorSize = 512;
    private readonly byte[] _original;
    private readonly List<Operation> _operations = [];
    private byte[] _content;

    public CrashImageEditor(byte[] content)
    {
        _original = [.. content];
        _content = [.. content];
    }

    public override long Length => _content.Length;

    /// <summary>The image as it is now.</summary>
    public byte[] ToArray() => [.. _content];

    public override int Read(Span<byte> buffer, long fileOffset)
    {
        if (fileOffset >= _content.Length)
        {
            return 0;
        }

        int count = (int)Math.Min(buffer.Length, _content.Length - fileOffset);
        _content.AsSpan((int)fileOffset, count).CopyTo(buffer);
        return count;
    }

    public override void Write(ReadOnlySpan<byte> buffer, long fileOffset)
    {
        if (fileOffset + buffer.Length > _content.Length)
        {
            Array.Resize(ref _content, (int)(fileOffset + buffer.Length));
        }

        buffer.CopyTo(_content.AsSpan((int)fileOffset));
        _operations.Add(new Operation(fileOffset, buffer.ToArray()));
    }

    public override void Flush() => _operations.Add(new Operation(-1, []));

    public override void SetLength(long length)
    {
        Array.Resize(ref _content, (int)length);
        _operations.Add(new Operation(length, null));
    }

    /// <summary>Images that a crash could leave: after each operation, with all, none or a seeded choice of the sectors since the last barrier.</summary>
    /// <param name="seed">Makes the choices repeatable.</param>
    public IEnumerable<(string What, byte[] Image)> Crashes(int seed)
    {
        Random random = new(seed);
        byte[] durable = [.. _original];
        List<Operation> pending = [];
        for (int i = 0; i <= _operations.Count; i++)
        {
            for (int variant = 0; variant < 3; variant++)
            {
                byte[] image = [.. durable];
                foreach (Operation operation in pending)
                {
                    image = Apply(operation, image, sector => variant == 0 || (variant == 1 && random.Next(2) == 0));
                }

                yield return ($"operation {i} of {_operations.Count}, variant {variant}, seed {seed}", image);
            }

            if (i == _operations.Count)
            {
                yield break;
            }

            pending.Add(_operations[i]);
            if (_operations[i].IsBarrier)
            {
                durable = pending.Aggregate(durable, static (image, operation) => Apply(operation, image, static _ => true));
                pending.Clear();
            }
        }
    }

    private static byte[] Apply(Operation operation, byte[] image, Func<long, bool> isKept)
    {
        if (operation.IsBarrier)
        {
            return image;
        }

        if (operation.Content is not { } content)
        {
            if (isKept(-1))
            {
                Array.Resize(ref image, (int)operation.Offset);
            }

            return image;
        }

        for (int at = 0; at < content.Length;)
        {
            long offset = operation.Offset + at;
            int count = (int)Math.Min(content.Length - at, SectorSize - (offset % SectorSize));
            if (isKept(offset / SectorSize))
            {
                if (offset + count > image.Length)
                {
                    Array.Resize(ref image, (int)(offset + count));
                }

                content.AsSpan(at, count).CopyTo(image.AsSpan((int)offset));
            }

            at += count;
        }

        return image;
    }

    private sealed record Operation(long Offset, byte[]? Content)
    {
        public bool IsBarrier => Offset < 0;
    }
}
