using System;

namespace CloudImage.Sdk.Chunking;

/// <summary>Cuts a stream of bytes into chunks. Holds no bytes: it is asked for one cut after the other.</summary>
/// <remarks>
/// Offer the bytes from the current position on; take the chunk that is cut from their start; go on after it. However
/// the bytes are cut into windows, the chunks are the same. An instance serves one stream at a time.
/// </remarks>
public abstract class Chunker
{
    private protected const int MaxSupportedSize = 16 * 1024 * 1024;

    private protected Chunker(ChunkingOptions options)
    {
        Options = options;
    }

    /// <summary>Gets the parameters, to be recorded with the data.</summary>
    /// <value>The options that the chunker was made with.</value>
    public ChunkingOptions Options { get; }

    /// <summary>Gets the number of bytes that always suffices to find the next cut.</summary>
    /// <value>Bytes: at least <see cref="ChunkingOptions.MaxSize"/>.</value>
    public abstract int WindowSize { get; }

    /// <summary>Makes the chunker that the options name.</summary>
    /// <param name="options">The parameters.</param>
    /// <returns>A chunker at the start of a stream.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="options"/> is null.</exception>
    /// <exception cref="ArgumentException">The options are not possible.</exception>
    public static Chunker Create(ChunkingOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.Algorithm switch
        {
            ChunkingAlgorithm.Fixed => new FixedChunker(options),
            ChunkingAlgorithm.MinCdc => new MinCdcChunker(options),
            _ => throw new ArgumentException($"There is no chunker {options.Algorithm}.", nameof(options)),
        };
    }

    /// <summary>Cuts the next chunk.</summary>
    /// <param name="window">The bytes from the end of the previous chunk on.</param>
    /// <param name="isFinal">Whether the stream ends with <paramref name="window"/>.</param>
    /// <param name="cut">The chunk at the start of <paramref name="window"/>.</param>
    /// <returns>
    /// <see langword="false"/> when more bytes are needed, which never happens with <see cref="WindowSize"/> bytes,
    /// or, with <paramref name="isFinal"/>, when there are none.
    /// </returns>
    public bool TryCut(ReadOnlySpan<byte> window, bool isFinal, out ChunkCut cut)
    {
        if (window.IsEmpty)
        {
            cut = default;
            return false;
        }

        return TryCutCore(window, isFinal, out cut);
    }

    /// <summary>Starts over at the start of a stream.</summary>
    public virtual void Reset()
    {
    }

    private protected abstract bool TryCutCore(ReadOnlySpan<byte> window, bool isFinal, out ChunkCut cut);

    private protected static void RequireOptions(bool isPossible, ChunkingOptions options)
    {
        if (!isPossible)
        {
            throw new ArgumentException($"These chunking parameters are not possible: {options}.", nameof(options));
        }
    }
}
