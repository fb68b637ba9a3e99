using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Azure;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using CloudImage.Sdk.Azure.Tests.Fakes;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Azure.Tests.Disks;

/// <summary>Change maps of page blobs on the command line, as a process of its own, against the fake: no emulator lists differences.</summary>
public sealed class PageBlobCommandTests : IDisposable
{
    private static readonly string s_command = Path.Combine(
        RepositoryRoot.Path, "samples", "CloudImage.Cli", "bin", new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name, new DirectoryInfo(AppContext.BaseDirectory).Name, "cloudimage.dll");

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task ACapture_WithTheSnapshotOfAPageBlobAsChangeMap_ReadsTheChangesAlone()
    {
        await using AzureFake fake = await AzureFake.StartAsync();
        PageBlobPlace place = await PageBlobPlace.NewAsync(fake);
        byte[] content = TestDisk.Random(3, 20 << 20, 400_000, true).ToArray();
        await File.WriteAllBytesAsync(_folder.File("disk.raw"), content, TestContext.Current.CancellationToken);
        string address = $"azpage://{place.Container}/disk.vhd?account={AzureFake.Account}&endpoint={fake.Endpoint}";
        await RunAsync(fake, "convert", _folder.File("disk.raw"), address);
        PageBlobClient blob = place.Client("disk.vhd");
        BlobSnapshotInfo older = await blob.CreateSnapshotAsync(cancellationToken: TestContext.Current.CancellationToken);
        byte[] change = Enumerable.Repeat((byte)7, 4096).ToArray();
        change.CopyTo(content, 9 << 20);
        content.AsSpan(2 << 20, 1 << 20).Clear();
        await blob.UploadPagesAsync(new MemoryStream(change), 9 << 20, cancellationToken: TestContext.Current.CancellationToken);
        await blob.ClearPagesAsync(new HttpRange(2 << 20, 1 << 20), cancellationToken: TestContext.Current.CancellationToken);
        BlobSnapshotInfo newer = await blob.CreateSnapshotAsync(cancellationToken: TestContext.Current.CancellationToken);

        int before = Reads(fake);
        await RunAsync(fake, "repo", "init", _folder.File("repository"));
        await RunAsync(fake, "snapshot", "create", _folder.File("repository"), $"{address}&snapshot={older.Snapshot}", "--image", "vm");
        int whole = Reads(fake) - before;
        int reads = Reads(fake);
        string id = (await RunAsync(fake, "snapshot", "create", _folder.File("repository"), $"{address}&snapshot={newer.Snapshot}", "--image", "vm", "--change-map", $"{address}&snapshot={older.Snapshot}")).Split(' ')[0];
        int some = Reads(fake) - reads;
        Assert.True(some > 0 && some <= whole / 2, $"{some} reads, where the whole disk took {whole}.");
        await RunAsync(fake, "snapshot", "restore", _folder.File("repository"), id, _folder.File("restored.raw"));
        byte[] restored = await File.ReadAllBytesAsync(_folder.File("restored.raw"), TestContext.Current.CancellationToken);
        Assert.True(content.AsSpan().SequenceEqual(restored));

        (int exitCode, _, string error) = await RunAnywayAsync(fake, "snapshot", "create", _folder.File("repository"), $"{address}&snapshot={newer.Snapshot}", "--image", "vm", "--change-map", address);
        Assert.Equal(2, exitCode);
        Assert.Contains("snapshot of the same blob", error, StringComparison.Ordinal);
    }

    // What asks for content, and not for lists.
    private static int Reads(AzureFake fake) => fake.Requests.Count(static request => request.StartsWith("GET", StringComparison.Ordinal) && !request.Contains("comp=", StringComparison.Ordinal));

    private static async Task<string> RunAsync(AzureFake fake, params string[] arguments)
    {
        (int exitCode, string output, string error) = await RunAnywayAsync(fake, arguments);
        Assert.True(exitCode == 0, $"{string.Join(' ', arguments)} exited with {exitCode}: {error}{output}");
        return output;
    }

    private static async Task<(int ExitCode, string Output, string Error)> RunAnywayAsync(AzureFake fake, params string[] arguments)
    {
        ProcessStartInfo start = new("dotnet", [s_command, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["AZURE_STORAGE_KEY"] = Convert.ToBase64String(fake.Key);
        start.Environment.Remove("AZURE_STORAGE_CONNECTION_STRING");
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output, await error);
    }
}
