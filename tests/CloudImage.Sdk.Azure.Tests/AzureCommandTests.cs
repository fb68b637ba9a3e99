using System;
using System.Diagnostics;
using System.IO;
using System.Threading.Tasks;
using Azure.Storage.Blobs;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Azure.Tests;

/// <summary>The command line on Azurite, as a process of its own.</summary>
public sealed class AzureCommandTests(AzuriteServer server) : IDisposable
{
    // In its own folder: beside the tests lie other versions of what it needs.
    private static readonly string s_command = Path.Combine(
        RepositoryRoot.Path, "samples", "CloudImage.Cli", "bin", new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name, new DirectoryInfo(AppContext.BaseDirectory).Name, "cloudimage.dll");

    private readonly TempFolder _folder = new();
    private readonly string _container = $"c{Guid.NewGuid():n}";

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task CaptureAndRestore_OfTwoStates_AreEqual()
    {
        byte[] content = TestDisk.Random(3, 20 << 20, 400_000, true).ToArray();
        await File.WriteAllBytesAsync(_folder.File("v1.raw"), content, TestContext.Current.CancellationToken);
        content.AsSpan(5 << 20, 100_000).Fill(3);
        content.AsSpan(8 << 20, 1 << 20).Clear();
        await File.WriteAllBytesAsync(_folder.File("v2.raw"), content, TestContext.Current.CancellationToken);
        string repository = await AddressAsync($"az://{_container}/some/place", "&create-container=true");
        await RunAsync("repo", "init", repository);
        string first = (await RunAsync("snapshot", "create", repository, _folder.File("v1.raw"), "--image", "vm")).Split(' ')[0];
        string second = (await RunAsync("snapshot", "create", repository, _folder.File("v2.raw"), "--image", "vm")).Split(' ')[0];
        await RunAsync("snapshot", "restore", repository, first, _folder.File("restored1.raw"));
        await RunAsync("snapshot", "restore", repository, second, _folder.File("restored2.raw"));
        await RunAsync("compare", _folder.File("restored1.raw"), _folder.File("v1.raw"));
        await RunAsync("compare", _folder.File("restored2.raw"), _folder.File("v2.raw"));
        Assert.Contains("any number of writers", await RunAsync("repo", "probe", repository), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Convert_ToAPageBlobAndBack_IsEqual()
    {
        byte[] content = TestDisk.Random(5, (9 << 20) + 512, 300_000, true).ToArray();
        await File.WriteAllBytesAsync(_folder.File("disk.raw"), content, TestContext.Current.CancellationToken);
        await new BlobServiceClient(await server.EndpointAsync(), await server.KeyAsync()).CreateBlobContainerAsync(_container, cancellationToken: TestContext.Current.CancellationToken);
        string blob = await AddressAsync($"azpage://{_container}/disks/one.vhd", "&resume=true");
        string reading = await AddressAsync($"azpage://{_container}/disks/one.vhd", string.Empty);
        await RunAsync("convert", _folder.File("disk.raw"), blob);
        Assert.Contains("vhd", await RunAsync("info", reading), StringComparison.Ordinal);
        await RunAsync("convert", reading, _folder.File("back.qcow2"));
        await RunAsync("compare", _folder.File("back.qcow2"), reading);
        await RunAsync("convert", reading, _folder.File("back.raw"));
        byte[] back = await File.ReadAllBytesAsync(_folder.File("back.raw"), TestContext.Current.CancellationToken);
        Assert.Equal(10 << 20, back.Length);
        Assert.True(back.AsSpan(0, content.Length).SequenceEqual(content));
        Assert.False(back.AsSpan(content.Length).ContainsAnyExcept((byte)0));

        // What is complete is never overwritten.
        (int exitCode, _, string error) = await RunAnywayAsync(null, "convert", _folder.File("disk.raw"), blob);
        Assert.NotEqual(0, exitCode);
        Assert.Contains("exists already", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("azpage://disks?account=a", "names no blob")]
    [InlineData("azpage://disks/one.vhd?account=Not-One", "no storage account")]
    [InlineData("azpage://disks/one.vhd?account=a&colour=red", "colour")]
    [InlineData("azpage://disks/one.vhd?endpoint=https%3A%2F%2Fa.blob.core.windows.net%3Fsig%3Dhidden", "never from an address")]
    public async Task Addresses_ThatAreWrong_AreToldInOneLine(string address, string expected)
    {
        (int exitCode, _, string error) = await RunAnywayAsync(null, "hash", address);
        Assert.Equal(2, exitCode);
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.DoesNotContain("hidden", error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task AWrongKey_IsToldClearlyWithoutIt()
    {
        string key = Convert.ToBase64String(new byte[63]);
        (int exitCode, _, string error) = await RunAnywayAsync(key, "snapshot", "list", await AddressAsync($"az://{_container}/place", "&create-container=true"));
        Assert.NotEqual(0, exitCode);
        Assert.Contains("403", error, StringComparison.Ordinal);
        Assert.Contains("credentials", error, StringComparison.Ordinal);
        Assert.DoesNotContain(key[..16], error, StringComparison.Ordinal);
    }

    private async Task<string> AddressAsync(string address, string more) => $"{address}?account=devstoreaccount1&endpoint={await server.EndpointAsync()}{more}";

    private async Task<string> RunAsync(params string[] arguments)
    {
        (int exitCode, string output, string error) = await RunAnywayAsync(null, arguments);
        Assert.True(exitCode == 0, $"{string.Join(' ', arguments)} exited with {exitCode}: {error}{output}");
        return output;
    }

    private async Task<(int ExitCode, string Output, string Error)> RunAnywayAsync(string? key, params string[] arguments)
    {
        ProcessStartInfo start = new("dotnet", [s_command, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["AZURE_STORAGE_KEY"] = key ?? (await server.GetAsync())["key"];
        start.Environment.Remove("AZURE_STORAGE_CONNECTION_STRING");
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output, await error);
    }
}
