using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CloudImage.Sdk.Hashing;

/// <content>Whole inputs at once.</content>
public sealed unsafe partial class Blake3
{
    /// <summary>Hashes an input.</summary>
    /// <param name="source">The input.</param>
    /// <returns>The digest.</returns>
    public static ContentDigest HashData(ReadOnlySpan<byte> source) => HashData(source, Blake3Engine.BestKernel);

    /// <summary>Hashes an input to output of any length.</summary>
    /// <param name="source">The input.</param>
    /// <param name="destination">Receives the output; its first 32 bytes are the digest.</param>
    public static void HashData(ReadOnlySpan<byte> source, Span<byte> destination) =>
        HashData(Blake3Constants.Iv, 0, source, destination, Blake3Engine.BestKernel);

    /// <summary>Hashes an input under a key.</summary>
    /// <param name="key">32 bytes.</param>
    /// <param name="source">The input.</param>
    /// <param name="destination">Receives the output; its first 32 bytes are the digest.</param>
    /// <exception cref="ArgumentException"><paramref name="key"/> does not have 32 bytes.</exception>
    public static void KeyedHashData(ReadOnlySpan<byte> key, ReadOnlySpan<byte> source, Span<byte> destination)
    {
        Span<uint> words = stackalloc uint[Blake3Constants.WordsPerChainingValue];
        ReadKey(key, words);
        HashData(words, Blake3Constants.KeyedHash, source, destination, Blake3Engine.BestKernel);
    }

    /// <summary>Derives a key.</summary>
    /// <param name="context">What the key is for; see <see cref="CreateDeriveKey(ReadOnlySpan{char})"/>.</param>
    /// <param name="material">The secret to derive from.</param>
    /// <param name="destination">Receives the key, of any length.</param>
    public static void DeriveKey(ReadOnlySpan<char> context, ReadOnlySpan<byte> material, Span<byte> destination)
    {
        Blake3 hasher = CreateDeriveKey(context);
        hasher.Append(material);
        hasher.GetCurrentHash(destination);
    }

    internal static ContentDigest HashData(ReadOnlySpan<byte> source, Blake3Kernel kernel)
    {
        byte* digest = stackalloc byte[ContentDigest.SizeInBytes];
        fixed (uint* key = Blake3Constants.Iv)
        fixed (byte* input = source)
        {
            Blake3Engine.HashRoot(kernel, input, (nuint)source.Length, key, 0, out Blake3Node root);
            root.WriteDigest(kernel, digest);
        }

        return new ContentDigest(new ReadOnlySpan<byte>(digest, ContentDigest.SizeInBytes));
    }

    internal static void HashData(
        ReadOnlySpan<uint> keyWords, uint flags, ReadOnlySpan<byte> source, Span<byte> destination, Blake3Kernel kernel)
    {
        fixed (uint* key = keyWords)
        fixed (byte* input = source)
        {
            Blake3Engine.HashRoot(kernel, input, (nuint)source.Length, key, flags, out Blake3Node root);
            root.WriteOutput(destination, 0);
        }
    }
}
