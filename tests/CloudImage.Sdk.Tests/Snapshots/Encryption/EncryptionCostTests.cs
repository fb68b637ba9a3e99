using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Encryption;
using CloudImage.Sdk.Storage;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots.Encryption;

public sealed class EncryptionCostTests
{
    [Fact]
    public async Task Measure_WhenAsked_PrintsTheRatioOfCaptures()
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("CLOUDIMAGE_MEASURE") == "1", "Measures only with CLOUDIMAGE_MEASURE=1.");
        byte[] content = SnapshotTestData.Mixed(384 << 20, 1);
        using KeyProvider key = KeyProviderTests.Make("key-file", 1);
        var plain = new List<double>();
        var ratios = new List<double>();
        for (int round = 0; round < 7; round++)
        {
            double without = await CaptureAsync(content, new SnapshotRepositoryOptions());
            double with = await CaptureAsync(content, new SnapshotRepositoryOptions { Encryption = RepositoryEncryption.Aes256Gcm, Keys = [key] });
            plain.Add(without);
            ratios.Add(with / without);
        }

        plain.Sort();
        ratios.Sort();
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"capture of 384 MiB without encryption {plain[3]:f3} s of processor time, with it {ratios[3]:f3} times that (medians of 7, alternating; {string.Join(' ', ratios.Select(ratio => ratio.ToString("f2")))})");
    }

    private static async Task<double> CaptureAsync(byte[] content, SnapshotRepositoryOptions options)
    {
        string folder = Directory.CreateTempSubdirectory("cloudimage-cost-").FullName;
        try
        {
            var store = new DirectoryObjectStore(folder, new DirectoryObjectStoreOptions { Durability = WriteDurability.None });
            await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, options);
            // Time of the processors, not of the wall: other work on the machine does not count.
            TimeSpan before = Process.GetCurrentProcess().TotalProcessorTime;
            await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null);
            return (Process.GetCurrentProcess().TotalProcessorTime - before).TotalSeconds;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
