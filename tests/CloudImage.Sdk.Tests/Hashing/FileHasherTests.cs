using System;
using System.IO;
using System.Security.Cryptography;
using System.Threading;
using CloudImage.Sdk.Hashing;
using Microsoft.Win32.SafeHandles;
using Xunit;

namespace CloudImage.Sdk.Tests.Hashing;

public sealed class FileHasherTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1_000_000)]
    [InlineData(16 * 1024 * 1024)]
    [InlineData((16 * 1024 * 1024) + 1)]
    [InlineData((3 * 16 * 1024 * 1024) + 12345)]
    public void HashFile_AnyLengthAndThreads_EqualsHashOfTheBytes(int length)
    {
        byte[] content = new byte[length];
        new Random(length).NextBytes(content);
        string path = Path.Combine(Path.GetTempPath(), $"cloudimage-{Guid.NewGuid():N}.bin");
        File.WriteAllBytes(path, content);
        try
        {
            using SafeFileHandle file = File.OpenHandle(path);
            foreach (int threads in (int[])[1, 2, 3])
            {
                Assert.Equal(
                    Blake3.HashData(content), FileHasher.HashFile(file, ContentHashAlgorithm.Blake3, threads, CancellationToken.None));
            }

            Assert.Equal(
                new ContentDigest(SHA256.HashData(content)),
                FileHasher.HashFile(file, ContentHashAlgorithm.Sha256, 2, CancellationToken.None));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void HashFile_Cancelled_Throws()
    {
        string path = Path.Combine(Path.GetTempPath(), $"cloudimage-{Guid.NewGuid():N}.bin");
        File.WriteAllBytes(path, new byte[1000]);
        try
        {
            using SafeFileHandle file = File.OpenHandle(path);
            Assert.Throws<OperationCanceledException>(
                () => FileHasher.HashFile(file, ContentHashAlgorithm.Blake3, 1, new CancellationToken(true)));
        }
        finally
        {
            File.Delete(path);
        }
    }
}
