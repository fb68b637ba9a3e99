using System;

namespace CloudImage.Sdk.Tests.Formats.Qcow2;

/// <summary>Disk content of every kind: noise, text that compresses, zeros.</summary>
internal static class MixedContent
{
    public static byte[] Make(int length, int seed)
    {
        Random random = new(seed);
        byte[] content = new byte[length];
        for (int position = 0; position < length;)
        {
            int count = Math.Min(length - position, random.Next(1, 200_000));
            Span<byte> piece = content.AsSpan(position, count);
            switch (random.Next(4))
            {
                case 0:
                    random.NextBytes(piece);
                    break;
                case 1 or 2:
                    for (int index = 0; index < piece.Length; index++)
                    {
                        piece[index] = (byte)('a' + (random.Next() & random.Next() & 15));
                    }

                    break;
            }

            position += count;
        }

        return content;
    }
}
