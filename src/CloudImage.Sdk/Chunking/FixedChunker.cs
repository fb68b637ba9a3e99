using System;
using CloudImage.Sdk.Hashing;

namespace CloudImage.Sdk.Chunking;

/// <summary>Cuts at multiples of one size. The last chunk may be short.</summary>
public sealed class FixedChunker : Chunker
{
    /// <summary>Makes a chunker.</summary>
    /// <param name="options">
    /// <see cref="ChunkingOptions.MinSize"/> and <see cref="ChunkingOptions.MaxSize"/> are the same, 512 bytes to 16 MiB.
    /// </param>
    /// <exception cref="ArgumentNullException"><paramref name="options"/> is null.</exception>
    /// <exception cref="ArgumentException">The size is out of range.</exception>
    public FixedChunker(ChunkingOptions options)
        : base(options)
    {
        ArgumentNullException.ThrowIfNull(options);
        RequireOptions(
            options.MinSize == options.MaxSize && options.MinSize is >= 512 and <= MaxSupportedSize, options);
    }

    /// <inheritdoc/>
    public override int WindowSize => Options.MaxSize;

    private protected override bool TryCutCore(ReadOnlySpan<byte> window, bool isFinal, out ChunkCut cut)
    {
        cut = default;
        int size = Options.MaxSize;
        if (window.Length < size)
        {
            if (!isFinal)
            {
                return false;
            }

            size = window.Length;
        }

        cut = new ChunkCut(size, ZeroDetector.IsZero(window[..size]));
        return true;
    }
}
