using System;
using System.Globalization;
using System.Linq;
using CloudImage.Sdk.Hashing;
using Xunit;

namespace CloudImage.Sdk.Tests.Hashing;

/// <summary>Seeded random inputs against the scalar form, and inputs that end where memory ends.</summary>
public sealed class Blake3RandomTests
{
    [Fact]
    public void HashMany_HundredThousandRandomInputs_EqualsScalar()
    {
        int seed = int.Parse(
            Environment.GetEnvironmentVariable("CLOUDIMAGE_TEST_SEED") ?? "20240611", CultureInfo.InvariantCulture);
        TestContext.Current.SendDiagnosticMessage("seed {0}", seed);
        Random random = new(seed);
        byte[] data = new byte[64 * 1024];
        random.NextBytes(data);
        ReadOnlyMemory<byte>[] sources = new ReadOnlyMemory<byte>[1000];
        ContentDigest[] digests = new ContentDigest[sources.Length];
        int scalarChecks = 0;
        for (int round = 0; round < 100; round++)
        {
            for (int i = 0; i < sources.Length; i++)
            {
                // Mostly short, for speed, with lengths near the edges of blocks and leaves over-represented.
                int length = random.Next(8) switch
                {
                    0 => random.Next(70) + (64 * random.Next(3)),
                    1 => (1024 * random.Next(4)) + random.Next(3),
                    2 => Math.Max(0, (1024 * random.Next(6)) - random.Next(3)),
                    3 when random.Next(8) == 0 => random.Next(20_000),
                    _ => random.Next(600),
                };
                sources[i] = data.AsMemory(random.Next(data.Length - length), length);
            }

            Blake3.HashMany(sources, digests);
            for (int i = 0; i < sources.Length; i++)
            {
                ContentDigest single = Blake3.HashData(sources[i].Span);
                Assert.True(single == digests[i], $"seed {seed}, round {round}, input {i}: HashMany differs.");
                ContentDigest scalar = Blake3.HashData(sources[i].Span, Blake3Kernel.Scalar);
                Assert.True(scalar == single, $"seed {seed}, round {round}, input {i}: the scalar form differs.");
                scalarChecks++;
            }
        }

        Assert.Equal(100_000, scalarChecks);
    }

    [Fact]
    public void HashData_BetweenGuardPages_ReadsNothingOutside()
    {
        Random random = new(1);
        foreach (Blake3Kernel kernel in Enumerable.Range(0, (int)Blake3Engine.LastKernel + 1).Cast<Blake3Kernel>())
        {
            foreach (int length in (int[])[1, 63, 64, 65, 1023, 1024, 1025, 4096, 4097, 16384, 16385, 32768, 65535, 262144, 262145])
            {
                using GuardedMemory memory = new(length);
                Span<byte> after = memory.AfterGuard(length);
                random.NextBytes(after);
                byte[] copy = after.ToArray();
                ContentDigest expected = Blake3.HashData(copy);
                Assert.Equal(expected, Blake3.HashData(after, kernel));
                ContentDigest[] many = new ContentDigest[(length + 4095) / 4096];
                ContentDigest[] manyGuarded = new ContentDigest[many.Length];
                Blake3.HashMany(copy, 4096, many, kernel);
                Blake3.HashMany(after, 4096, manyGuarded, kernel);
                Assert.Equal(many, manyGuarded);

                Span<byte> before = memory.BeforeGuard(length);
                copy.CopyTo(before);
                Assert.Equal(expected, Blake3.HashData(before, kernel));
                Blake3.HashMany(before, 4096, manyGuarded, kernel);
                Assert.Equal(many, manyGuarded);
                Blake3 hasher = new(Blake3Constants.Iv.ToArray(), 0, kernel);
                hasher.Append(before);
                Assert.Equal(expected, hasher.GetCurrentDigest());
            }
        }
    }
}
