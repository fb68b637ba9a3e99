using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots;

/// <summary>A store without space left: a clear error, nothing committed lost, and work goes on when there is space again.</summary>
public class FullStoreTests
{
    [Fact]
    public async Task Capture_WithoutSpaceAtAnyPoint_FailsAndGoesOnLater()
    {
        byte[] first = SnapshotTestData.Mixed(300_000, 71);
        byte[] second = SnapshotTestData.Mixed(400_000, 72);
        MemoryObjectStore source = new();
        await using (SnapshotRepository repository = await SnapshotRepository.CreateAsync(new UnownedStore(source), SnapshotTestData.SmallChunks))
        {
            await repository.CaptureAsync(new ModelDisk(first), SnapshotTestData.Capture("disk"), null);
        }

        Dictionary<string, byte[]> initial = await SnapshotTestData.DumpAsync(source);
        Random random = new(73);
        int failures = 0;
        bool isDone = false;
        for (long quota = 0; !isDone; quota += random.Next(1, 12_000))
        {
            string what = $"{quota} bytes left";
            QuotaStore store = new(await SnapshotTestData.StoreOfAsync(initial), quota);
            await using SnapshotRepository repository = await SnapshotRepository.OpenAsync(store);
            try
            {
                await repository.CaptureAsync(new ModelDisk(second), SnapshotTestData.Capture("disk"), null);

                // The last of what is stored is the merge of segments, which the snapshot does not wait for.
                isDone = true;
            }
            catch (ObjectStoreException exception)
            {
                Assert.Contains("no space", exception.Message, StringComparison.Ordinal);
                failures++;
            }

            IReadOnlyList<SnapshotInfo> left = await repository.ListAsync();
            Assert.True(left.Count == (isDone ? 2 : 1), what);
            Assert.Equal(first, await SnapshotTestData.ReadAllAsync(repository, left[0].Id));
            store.Left = long.MaxValue / 2;
            IReadOnlyList<InterruptedCapture> interrupted = await repository.ListInterruptedAsync();
            CaptureOptions options = new() { Image = "disk", ResumeSession = interrupted.Count > 0 ? interrupted[0].SessionId : null };
            CaptureResult later = await repository.CaptureAsync(new ModelDisk(second), options, null);
            Assert.Equal(second, await SnapshotTestData.ReadAllAsync(repository, later.Id));
            VerifyResult verified = await repository.VerifyAsync(VerifyOptions.Default, null);
            Assert.True(verified.IsHealthy, $"{what}: {string.Join("; ", verified.Problems)}");
        }

        Assert.InRange(failures, 20, 200);
    }

    [Fact]
    public async Task Capture_IntoAFullFileSystem_FailsAndGoesOnLater()
    {
        string folder = Directory.CreateTempSubdirectory("snapshots-full").FullName;
        try
        {
            if (!await RunAsync("mount", "-t", "tmpfs", "-o", "size=24m", "none", folder))
            {
                Assert.Skip("Small file systems can be mounted by root alone.");
            }

            await FillAsync(folder);
        }
        finally
        {
            await RunAsync("umount", folder);
            Directory.Delete(folder, true);
        }
    }

    private static async Task FillAsync(string folder)
    {
        byte[] first = new byte[8 << 20];
        byte[] second = new byte[20 << 20];
        new Random(74).NextBytes(first);
        new Random(75).NextBytes(second);
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new DirectoryObjectStore(Path.Combine(folder, "repository")), SnapshotRepositoryOptions.Default);
        CaptureResult kept = await repository.CaptureAsync(new MemoryDisk(first), SnapshotTestData.Capture("disk"), null);
        for (int round = 0; round < 2; round++)
        {
            ObjectStoreException exception = await Assert.ThrowsAsync<ObjectStoreException>(() => repository.CaptureAsync(new MemoryDisk(second), SnapshotTestData.Capture("other"), null));
            Assert.Contains("space", exception.Message, StringComparison.OrdinalIgnoreCase);
            Assert.Equal(kept.Id, Assert.Single(await repository.ListAsync()).Id);
            Assert.True((await SnapshotTestData.ReadAllAsync(repository, kept.Id)).AsSpan().SequenceEqual(first));
        }

        // What was cut off has no name and takes no space: what fits is captured before anything is cleared away.
        CaptureResult fits = await repository.CaptureAsync(new MemoryDisk(second.AsMemory(0, 8 << 20)), SnapshotTestData.Capture("fits"), null);
        Assert.True(await RunAsync("mount", "-o", "remount,size=" + (80 << 20).ToString(CultureInfo.InvariantCulture), folder));
        CaptureResult later = await repository.CaptureAsync(new MemoryDisk(second), SnapshotTestData.Capture("other"), null);
        Assert.True((await SnapshotTestData.ReadAllAsync(repository, later.Id)).AsSpan().SequenceEqual(second));
        Assert.True((await SnapshotTestData.ReadAllAsync(repository, fits.Id)).AsSpan().SequenceEqual(second.AsSpan(0, 8 << 20)));
        Assert.Empty((await repository.VerifyAsync(VerifyOptions.Default, null)).Problems);
    }

    private static async Task<bool> RunAsync(string command, params string[] arguments)
    {
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }

        try
        {
            using Process process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            await process.WaitForExitAsync();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
