using System;
using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace CloudImage.Sdk.Hashing;

/// <summary>BLAKE3: hash, keyed hash, key derivation and extendable output, at once or piece by piece.</summary>
/// <remarks>
/// Follows the BLAKE3 specification and runs on the widest vectors of the machine; every width gives the same digests.
/// An instance is a running computation and serves one thread at a time. The static members hold no state and may be
/// called from any number of threads; they allocate nothing and use at most 32 KiB of stack.
/// </remarks>
public sealed unsafe partial class Blake3
{
    private readonly uint[] _key;
    private readonly uint _flags;
    private readonly Blake3Kernel _kernel;

    // The number of the first leaf: not zero when this computes a subtree of a larger input.
    private readonly ulong _firstLeaf;

    // The bytes since the last whole leaf that more input follows; the last leaf waits here, for it may be the root.
    private readonly byte[] _leaf = new byte[Blake3Constants.LeafSizeInBytes];
    private int _leafLength;

    // Chaining values of finished subtrees that wait for their right siblings. They are joined only when more input
    // comes, since the last join of all is the root and is done differently.
    private byte[] _stack = new byte[8 * Blake3Constants.ChainingValueSizeInBytes];
    private int _depth;
    private ulong _leaves;

    /// <summary>Starts a hash in the default mode.</summary>
    public Blake3()
        : this(Blake3Constants.Iv.ToArray(), 0, Blake3Engine.BestKernel)
    {
    }

    internal Blake3(uint[] key, uint flags, Blake3Kernel kernel, ulong firstLeaf = 0)
    {
        _firstLeaf = firstLeaf;
        _key = key;
        _flags = flags;
        _kernel = kernel;
    }

    /// <summary>Starts a keyed hash, a pseudorandom function of the input.</summary>
    /// <param name="key">32 bytes.</param>
    /// <returns>A hasher without input.</returns>
    /// <exception cref="ArgumentException"><paramref name="key"/> has another length.</exception>
    public static Blake3 CreateKeyed(ReadOnlySpan<byte> key) =>
        new(ReadKey(key), Blake3Constants.KeyedHash, Blake3Engine.BestKernel);

    /// <summary>Starts a key derivation.</summary>
    /// <param name="context">
    /// What the derived key is for: a fixed text of the application, globally unique and never taken from input.
    /// </param>
    /// <returns>A hasher whose input is the key material.</returns>
    public static Blake3 CreateDeriveKey(ReadOnlySpan<char> context) => CreateDeriveKey(context, Blake3Engine.BestKernel);

    internal static Blake3 CreateDeriveKey(ReadOnlySpan<char> context, Blake3Kernel kernel)
    {
        byte[] contextBytes = new byte[Encoding.UTF8.GetByteCount(context)];
        Encoding.UTF8.GetBytes(context, contextBytes);
        Blake3 contextHasher = new(Blake3Constants.Iv.ToArray(), Blake3Constants.DeriveKeyContext, kernel);
        contextHasher.Append(contextBytes);
        Span<byte> contextKey = stackalloc byte[Blake3Constants.KeySizeInBytes];
        contextHasher.GetCurrentHash(contextKey);
        return new Blake3(ReadKey(contextKey), Blake3Constants.DeriveKeyMaterial, kernel);
    }

    /// <summary>Adds input.</summary>
    /// <param name="source">The next bytes. How the input is cut into calls does not change the result.</param>
    public void Append(ReadOnlySpan<byte> source)
    {
        if (_leafLength > 0)
        {
            int count = Math.Min(source.Length, Blake3Constants.LeafSizeInBytes - _leafLength);
            source[..count].CopyTo(_leaf.AsSpan(_leafLength));
            _leafLength += count;
            source = source[count..];
            if (source.IsEmpty)
            {
                return;
            }

            AppendWaitingLeaf();
        }

        fixed (uint* key = _key)
        fixed (byte* input = source)
        {
            AppendSubtrees(input, ref source, key);
            if (!source.IsEmpty)
            {
                JoinSiblings(key);
            }
        }

        source.CopyTo(_leaf);
        _leafLength = source.Length;
    }

    /// <summary>Writes the hash of the input so far, of any length. The input may go on afterwards.</summary>
    /// <param name="destination">Receives the output: 32 bytes are the usual digest, more are its extension.</param>
    public void GetCurrentHash(Span<byte> destination) => GetCurrentHash(destination, 0);

    /// <summary>Writes a part of the extendable output of the input so far.</summary>
    /// <param name="destination">Receives the output.</param>
    /// <param name="outputOffset">The position in the output, in bytes, of the first byte wanted.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="outputOffset"/> is negative.</exception>
    public void GetCurrentHash(Span<byte> destination, long outputOffset)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(outputOffset);
        CreateRoot(out Blake3Node root);
        root.WriteOutput(destination, (ulong)outputOffset);
    }

    /// <summary>Gives the digest of the input so far. The input may go on afterwards.</summary>
    /// <returns>The first 32 bytes of the output.</returns>
    public ContentDigest GetCurrentDigest()
    {
        CreateRoot(out Blake3Node root);
        byte* digest = stackalloc byte[ContentDigest.SizeInBytes];
        root.WriteDigest(_kernel, digest);
        return new ContentDigest(new ReadOnlySpan<byte>(digest, ContentDigest.SizeInBytes));
    }

    /// <summary>Forgets the input, keeping the mode and the key.</summary>
    public void Reset()
    {
        Array.Clear(_leaf);
        _leafLength = 0;
        _depth = 0;
        _leaves = 0;
    }

    /// <summary>Writes what a parent takes of the input so far, which is a subtree of a larger input.</summary>
    internal void GetChainingValue(Span<byte> destination)
    {
        CreateRoot(out Blake3Node node);
        fixed (byte* output = destination[..Blake3Constants.ChainingValueSizeInBytes])
        {
            node.WriteChainingValue(_kernel, output);
        }
    }

    internal static uint[] ReadKey(ReadOnlySpan<byte> key)
    {
        uint[] words = new uint[Blake3Constants.WordsPerChainingValue];
        ReadKey(key, words);
        return words;
    }

    private static void ReadKey(ReadOnlySpan<byte> key, Span<uint> words)
    {
        if (key.Length != Blake3Constants.KeySizeInBytes)
        {
            throw new ArgumentException($"A BLAKE3 key has 32 bytes, not {key.Length}.", nameof(key));
        }

        for (int i = 0; i < words.Length; i++)
        {
            words[i] = BinaryPrimitives.ReadUInt32LittleEndian(key[(4 * i)..]);
        }
    }

    // Takes the largest subtrees that start where the input stands: as many leaves as the lowest set bit of the count
    // of leaves so far, at most a batch. Leaves the last leaf, whole or partial, to the caller.
    [SkipLocalsInit]
    private void AppendSubtrees(byte* input, ref ReadOnlySpan<byte> source, uint* key)
    {
        byte* batch = stackalloc byte[Blake3Engine.BatchLeaves * Blake3Constants.ChainingValueSizeInBytes];
        while (source.Length > Blake3Constants.LeafSizeInBytes)
        {
            int limit = _leaves == 0
                ? Blake3Engine.BatchLeaves
                : (int)Math.Min(Blake3Engine.BatchLeaves, _leaves & (0 - _leaves));
            int whole = source.Length / Blake3Constants.LeafSizeInBytes;
            int leaves = Math.Min(limit, 1 << BitOperations.Log2((uint)whole));
            int length = leaves * Blake3Constants.LeafSizeInBytes;
            Blake3Engine.HashLeaves(_kernel, input, length, _firstLeaf + _leaves, key, _flags, batch);
            if (length < source.Length || leaves == 1)
            {
                Blake3Engine.Reduce(_kernel, batch, leaves, 1, key, _flags);
                Push(batch, leaves, key);
            }
            else
            {
                // Nothing follows yet, so the parent of these two may be the root: both wait unjoined.
                Blake3Engine.Reduce(_kernel, batch, leaves, 2, key, _flags);
                Push(batch, leaves / 2, key);
                Push(batch + Blake3Constants.ChainingValueSizeInBytes, leaves / 2, key);
            }

            input += length;
            source = source[length..];
        }
    }

    private void AppendWaitingLeaf()
    {
        byte* chainingValue = stackalloc byte[Blake3Constants.ChainingValueSizeInBytes];
        fixed (uint* key = _key)
        fixed (byte* leaf = _leaf)
        {
            Blake3Engine.HashLeaves(_kernel, leaf, Blake3Constants.LeafSizeInBytes, _firstLeaf + _leaves, key, _flags, chainingValue);
            Push(chainingValue, 1, key);
        }

        _leafLength = 0;
    }

    // More input follows. One subtree waits for each set bit of the count of leaves; any more than that are siblings.
    private void JoinSiblings(uint* key)
    {
        int waiting = BitOperations.PopCount(_leaves);
        fixed (byte* stack = _stack)
        {
            for (; _depth > waiting; _depth--)
            {
                byte* pair = stack + ((_depth - 2) * Blake3Constants.ChainingValueSizeInBytes);
                Blake3Engine.Reduce(_kernel, pair, 2, 1, key, _flags);
            }
        }
    }

    private void Push(byte* chainingValue, int leaves, uint* key)
    {
        JoinSiblings(key);
        int end = (_depth + 1) * Blake3Constants.ChainingValueSizeInBytes;
        if (end > _stack.Length)
        {
            Array.Resize(ref _stack, 2 * _stack.Length);
        }

        new ReadOnlySpan<byte>(chainingValue, Blake3Constants.ChainingValueSizeInBytes)
            .CopyTo(_stack.AsSpan(end - Blake3Constants.ChainingValueSizeInBytes));
        _depth++;
        _leaves += (uint)leaves;
    }

    private void CreateRoot(out Blake3Node root)
    {
        fixed (uint* key = _key)
        fixed (byte* stack = _stack)
        fixed (byte* leaf = _leaf)
        {
            // Without a waiting leaf the last two subtrees of the stack are siblings that wait for their parent.
            int next = _depth;
            if (_leafLength > 0 || _depth == 0)
            {
                Blake3Node.CreateLeaf(_kernel, leaf, _leafLength, _firstLeaf + _leaves, key, _flags, out root);
            }
            else
            {
                next = _depth - 2;
                Blake3Node.CreateParent(
                    stack + (next * Blake3Constants.ChainingValueSizeInBytes), key, _flags, out root);
            }

            byte* pair = stackalloc byte[Blake3Constants.BlockSizeInBytes];
            while (next > 0)
            {
                next--;
                Unsafe.CopyBlockUnaligned(
                    pair, stack + (next * Blake3Constants.ChainingValueSizeInBytes), Blake3Constants.ChainingValueSizeInBytes);
                root.WriteChainingValue(_kernel, pair + Blake3Constants.ChainingValueSizeInBytes);
                Blake3Node.CreateParent(pair, key, _flags, out root);
            }
        }
    }
}
