using System;
using System.Buffers;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Raw;

/// <summary>Changes the length of a raw image: that of its file, in one step.</summary>
internal static class RawResizer
{
    private const int BufferLength = 1 << 20;

    public static void Resize(ImageEditor image, long length, DiskResizeOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, options.Limits.MaxVirtualSize);
        if (length < image.Length && !options.AllowDataLoss)
        {
            ThrowIfDataBehind(image, length);
        }

        image.SetLength(length);
        image.Flush();
    }

    private static void ThrowIfDataBehind(ImageEditor image, long length)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferLength);
        try
        {
            for (long offset = length; offset < image.Length;)
            {
                int count = image.Read(buffer.AsSpan(0, (int)Math.Min(BufferLength, image.Length - offset)), offset);
                if (count == 0)
                {
                    throw new CloudImageException($"The image ended at byte {offset} although it has {image.Length}: it was cut meanwhile.");
                }

                int index = ZeroDetector.IndexOfNonZero(buffer.AsSpan(0, count));
                if (index >= 0)
                {
                    throw new InvalidOperationException($"There is data at byte {offset + index}, behind the new end at {length}. Allow the loss of data to cut it off.");
                }

                offset += count;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
