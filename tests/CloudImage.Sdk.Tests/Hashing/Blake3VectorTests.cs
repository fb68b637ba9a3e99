using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using CloudImage.Sdk.Hashing;
using Xunit;

namespace CloudImage.Sdk.Tests.Hashing;

/// <summary>The official vectors, for every mode and every kernel.</summary>
public sealed class Blake3VectorTests
{
    private const string Context = "BLAKE3 2019-12-27 16:29:52 test vectors context";

    private static readonly byte[] s_key = Encoding.ASCII.GetBytes("whats the Elvish word for friend");

    public static TheoryData<int> Kernels => [.. Enumerable.Range(0, (int)Blake3Engine.LastKernel + 1)];

    [Theory]
    [MemberData(nameof(Kernels))]
    public void HashData_OfficialVectors_GivesTheirOutput(int kernel)
    {
        foreach (Vector vector in ReadVectors())
        {
            byte[] output = new byte[vector.Hash.Length];
            Blake3.HashData(Blake3Constants.Iv, 0, vector.Input, output, (Blake3Kernel)kernel);
            Assert.Equal(vector.Hash, output);
            Assert.Equal(
                new ContentDigest(vector.Hash.AsSpan(0, 32)), Blake3.HashData(vector.Input, (Blake3Kernel)kernel));

            Blake3.HashData(
                Blake3.ReadKey(s_key), Blake3Constants.KeyedHash, vector.Input, output, (Blake3Kernel)kernel);
            Assert.Equal(vector.KeyedHash, output);
        }
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Append_OfficialVectors_GivesTheirOutput(int kernel)
    {
        foreach (Vector vector in ReadVectors())
        {
            Blake3 hash = new(Blake3Constants.Iv.ToArray(), 0, (Blake3Kernel)kernel);
            Blake3 keyed = new(Blake3.ReadKey(s_key), Blake3Constants.KeyedHash, (Blake3Kernel)kernel);
            Blake3 derived = Blake3.CreateDeriveKey(Context, (Blake3Kernel)kernel);
            AssertOutput(hash, vector.Input, vector.Hash);
            AssertOutput(keyed, vector.Input, vector.KeyedHash);
            AssertOutput(derived, vector.Input, vector.DeriveKey);
        }
    }

    [Fact]
    public void PublicDoors_OfficialVectors_GiveTheirOutput()
    {
        foreach (Vector vector in ReadVectors())
        {
            byte[] output = new byte[vector.Hash.Length];
            Blake3.HashData(vector.Input, output);
            Assert.Equal(vector.Hash, output);
            Blake3.KeyedHashData(s_key, vector.Input, output);
            Assert.Equal(vector.KeyedHash, output);
            Blake3.DeriveKey(Context, vector.Input, output);
            Assert.Equal(vector.DeriveKey, output);
            AssertOutput(new Blake3(), vector.Input, vector.Hash);
            AssertOutput(Blake3.CreateKeyed(s_key), vector.Input, vector.KeyedHash);
            AssertOutput(Blake3.CreateDeriveKey(Context), vector.Input, vector.DeriveKey);
        }
    }

    [Fact]
    public void GetCurrentHash_AtAnOffset_GivesThatPartOfTheOutput()
    {
        byte[] whole = new byte[1000];
        Blake3 hasher = new();
        hasher.Append("some input"u8);
        hasher.GetCurrentHash(whole);
        for (int offset = 0; offset < whole.Length; offset += 7)
        {
            byte[] part = new byte[whole.Length - offset];
            hasher.GetCurrentHash(part, offset);
            Assert.Equal(whole[offset..], part);
        }
    }

    [Fact]
    public void CreateKeyed_KeyOfOtherLength_Throws()
    {
        Assert.Throws<ArgumentException>(() => Blake3.CreateKeyed(new byte[31]));
        Assert.Throws<ArgumentException>(() => Blake3.KeyedHashData(new byte[33], [], new byte[32]));
    }

    private static void AssertOutput(Blake3 hasher, byte[] input, byte[] expected)
    {
        byte[] output = new byte[expected.Length];
        for (int split = 0; split <= input.Length; split += Math.Max(1, input.Length / 5))
        {
            hasher.Reset();
            hasher.Append(input.AsSpan(0, split));
            hasher.Append(input.AsSpan(split));
            hasher.GetCurrentHash(output);
            Assert.Equal(expected, output);
            Assert.Equal(new ContentDigest(expected.AsSpan(0, 32)), hasher.GetCurrentDigest());
        }
    }

    private static List<Vector> ReadVectors()
    {
        using Stream stream = typeof(Blake3VectorTests).Assembly
            .GetManifestResourceStream("CloudImage.Sdk.Tests.Hashing.blake3-vectors.txt")!;
        using StreamReader reader = new(stream);
        List<Vector> vectors = [];
        while (reader.ReadLine() is string line)
        {
            if (line.StartsWith('#'))
            {
                continue;
            }

            string[] parts = line.Split(' ');
            byte[] input = new byte[int.Parse(parts[0], CultureInfo.InvariantCulture)];
            for (int i = 0; i < input.Length; i++)
            {
                input[i] = (byte)(i % 251);
            }

            vectors.Add(new Vector(
                input,
                Convert.FromHexString(parts[1]),
                Convert.FromHexString(parts[2]),
                Convert.FromHexString(parts[3])));
        }

        Assert.Equal(35, vectors.Count);
        return vectors;
    }

    private sealed record Vector(byte[] Input, byte[] Hash, byte[] KeyedHash, byte[] DeriveKey);
}
