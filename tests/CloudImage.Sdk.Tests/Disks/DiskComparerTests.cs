using System;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Tests.Support;
using CsCheck;
using Xunit;

namespace CloudImage.Sdk.Tests.Disks;

public sealed class DiskComparerTests
{
    [Fact]
    public void Compare_OfAnyTwoDisks_FindsTheFirstDifference() =>
        Gen.Select(Gen.Int[0, 1 << 30], Gen.Int[1, 3 << 20], Gen.Int[1, 100_000], Gen.Int[0, 4], Gen.Bool).Sample(
            static (seed, length, granularity, changes, isLocal) =>
            {
                using TestDisk left = TestDisk.Random(seed, length, granularity, isLocal);
                byte[] other = left.ToArray();
                Random random = new(seed);
                for (int change = 0; change < changes; change++)
                {
                    other[random.Next(length)] ^= (byte)random.Next(256);
                }

                using TestDisk right = new(other);
                int prefix = other.AsSpan().CommonPrefixLength(left.ToArray());
                DiskComparison result = DiskComparer.Compare(left, right, new DiskCompareOptions { WorkerCount = 1 + (seed % 3) }, null);
                return result.FirstDifference == (prefix == length ? null : prefix) && result.HaveEqualLengths;
            },
            iter: 60);

    [Theory]
    [InlineData(0, false, true)]
    [InlineData(0, true, false)]
    [InlineData(1, false, false)]
    public async Task Compare_OfDifferentLengths_LooksAtTheRest(byte last, bool isStrict, bool areEqual)
    {
        byte[] longer = new byte[3_000_000];
        longer.AsSpan(0, 100_000).Fill(9);
        longer[^1] = last;
        using TestDisk left = new(longer);
        using TestDisk right = new(longer[..2_000_000]);
        foreach ((VirtualDisk one, VirtualDisk two) in new (VirtualDisk, VirtualDisk)[] { (left, right), (right, left) })
        {
            DiskComparison result = await DiskComparer.CompareAsync(one, two, new DiskCompareOptions { IsStrict = isStrict }, null, TestContext.Current.CancellationToken);
            Assert.Equal(areEqual, result.AreEqual);
            Assert.False(result.HaveEqualLengths);
            Assert.Equal(areEqual ? null : isStrict ? 2_000_000 : 2_999_999L, result.FirstDifference);
        }
    }

    [Fact]
    public void Compare_OfZerosOfAllKinds_FindsThemEqual()
    {
        using TestDisk data = new(new byte[1 << 20]);
        using TestDisk zero = new(new byte[1 << 20], new BlockMap([new DiskExtent(0, 1 << 20, DiskExtentKind.Zero)]), true);
        using TestDisk unmapped = new(new byte[1 << 20], new BlockMap([new DiskExtent(0, 1 << 20, DiskExtentKind.Unmapped)]), true);
        Assert.True(DiskComparer.Compare(data, zero, DiskCompareOptions.Default, null).AreEqual);
        Assert.True(DiskComparer.Compare(zero, unmapped, DiskCompareOptions.Default, null).AreEqual);
        Assert.True(DiskComparer.Compare(unmapped, data, DiskCompareOptions.Default, null).AreEqual);
    }
}
