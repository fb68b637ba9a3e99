using System;
using System.Diagnostics;
using System.IO;
using System.Threading.Tasks;
using CloudImage.Sdk.Aws.Tests.Fakes;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Aws.Tests.Ebs;

/// <summary>The command line on EBS snapshots, as a process of its own.</summary>
public sealed class EbsCommandTests : IAsyncLifetime
{
    // In its own folder: beside the tests lie other versions of what it needs.
    private static readonly string s_command = Built("CloudImage.Cli", "cloudimage");

    private readonly TempFolder _folder = new();
    private EbsFake _fake = null!;

    public async ValueTask InitializeAsync() => _fake = await EbsFake.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _fake.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task ConvertCaptureAndRestore_OfEbsSnapshots_AreEqual()
    {
        byte[] content = TestDisk.Random(3, 20 << 20, 400_000, true).ToArray();
        await File.WriteAllBytesAsync(_folder.File("disk.raw"), content, TestContext.Current.CancellationToken);
        string first = await ConvertAsync(_folder.File("disk.raw"), Address("new"));
        Assert.True(content.AsSpan().SequenceEqual(_fake.Read(first, content.Length)));

        content.AsSpan(5 << 20, 100).Fill(3);
        content.AsSpan(8 << 20, 1 << 20).Clear();
        await File.WriteAllBytesAsync(_folder.File("disk.raw"), content, TestContext.Current.CancellationToken);
        string second = await ConvertAsync(_folder.File("disk.raw"), Address("new") + $"&parent={first}");
        Assert.True(content.AsSpan().SequenceEqual(_fake.Read(second, content.Length)));
        Assert.InRange(_fake[second].Written.Count, 2, 4);

        await RunAsync("repo", "init", _folder.File("repository"));
        await RunAsync("snapshot", "create", _folder.File("repository"), Address(first), "--image", "volume");
        int gets = _fake.Calls("GetSnapshotBlock");
        string capture = (await RunAsync("snapshot", "create", _folder.File("repository"), Address(second), "--image", "volume", "--change-map", Address(first))).Split(' ')[0];
        Assert.InRange(_fake.Calls("GetSnapshotBlock") - gets, 1, 4);
        await RunAsync("snapshot", "restore", _folder.File("repository"), capture, _folder.File("restored.raw"), "--range", $"0:{content.Length}");
        byte[] restored = await File.ReadAllBytesAsync(_folder.File("restored.raw"), TestContext.Current.CancellationToken);
        Assert.True(content.AsSpan().SequenceEqual(restored));

        await RunAsync("convert", Address(second) + "&length=20M", _folder.File("disk.qcow2"));
        await RunAsync("compare", _folder.File("disk.qcow2"), _folder.File("disk.raw"));
        Assert.Equal((await RunAsync("hash", _folder.File("disk.raw"))).Split(' ')[0], (await RunAsync("hash", Address(second) + "&length=20M")).Split(' ')[0]);
        Assert.Contains("data", await RunAsync("map", Address(second)), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Convert_ThatIsKilled_GoesOnFromItsJournal()
    {
        byte[] content = new byte[30 << 20];
        new Random(8).NextBytes(content);
        await File.WriteAllBytesAsync(_folder.File("disk.raw"), content, TestContext.Current.CancellationToken);
        Process? running = null;
        await using EbsFake fake = await EbsFake.StartAsync(new EbsFakeOptions
        {
            Fault = (operation, number) =>
            {
                if (operation == "PutSnapshotBlock" && number == 25)
                {
                    running!.Kill();
                    return EbsFakeFault.Reset;
                }

                return EbsFakeFault.None;
            },
        });
        string[] arguments = ["convert", _folder.File("disk.raw"), $"ebs://new?region={fake.Region}&endpoint={fake.Endpoint}&journal={_folder.File("journal")}"];
        running = Process.Start(StartInfo(s_command, arguments))!;
        await running.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.NotEqual(0, running.ExitCode);
        running.Dispose();
        int sentBefore = fake.Calls("PutSnapshotBlock");
        string id = (await RunAsync(arguments)).Split(':')[0];
        Assert.True(content.AsSpan().SequenceEqual(fake.Read(id, content.Length)));
        Assert.Single(fake.SnapshotIds);
        Assert.True(fake.Calls("PutSnapshotBlock") - sentBefore < 60, $"{sentBefore} blocks sent before, {fake.Calls("PutSnapshotBlock")} in all");
        Assert.False(File.Exists(_folder.File("journal")));
    }

    [Fact]
    public async Task Sample_AgainstTheFake_CapturesWhatChangedAlone()
    {
        byte[] content = TestDisk.Random(4, 10 << 20, 400_000, true).ToArray();
        await File.WriteAllBytesAsync(_folder.File("older.raw"), content, TestContext.Current.CancellationToken);
        content.AsSpan(3 << 20, 100).Fill(9);
        await File.WriteAllBytesAsync(_folder.File("newer.raw"), content, TestContext.Current.CancellationToken);
        (int exitCode, string output, string error) = await StartAsync(Built("EbsIncrement", "EbsIncrement"), _folder.File("older.raw"), _folder.File("newer.raw"), _fake.Region, _fake.Endpoint.ToString());
        Assert.True(exitCode == 0, error + output);
        Assert.Contains("512 KiB in 1 ranges changed", output, StringComparison.Ordinal);
        Assert.Contains(": 512 KiB read of 1 GiB", output, StringComparison.Ordinal);
        Assert.Equal(2, Directory.GetFiles(_folder.Path).Length);
    }

    [Theory]
    [InlineData("ebs://snap-0123?region=eu-central-1&colour=red", "colour")]
    [InlineData("ebs://snap-0123/x?region=eu-central-1", "no snapshot")]
    [InlineData("ebs://volume?region=eu-central-1&endpoint=http://127.0.0.1:1", "no id of a snapshot")]
    [InlineData("ebs://snap-0123?region=eu-central-1&endpoint=ftp://x", "endpoint")]
    public async Task Addresses_ThatAreWrong_AreToldInOneLine(string address, string expected)
    {
        (int exitCode, _, string error) = await RunAnywayAsync("hash", address);
        Assert.Equal(2, exitCode);
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    private string Address(string id) => $"ebs://{id}?region={_fake.Region}&endpoint={_fake.Endpoint}";

    private async Task<string> ConvertAsync(string source, string destination) => (await RunAsync("convert", source, destination)).Split(':')[0];

    private async Task<string> RunAsync(params string[] arguments)
    {
        (int exitCode, string output, string error) = await RunAnywayAsync(arguments);
        Assert.True(exitCode == 0, $"{string.Join(' ', arguments)} exited with {exitCode}: {error}{output}");
        return output;
    }

    private static Task<(int ExitCode, string Output, string Error)> RunAnywayAsync(params string[] arguments) => StartAsync(s_command, arguments);

    private static string Built(string project, string name) => Path.Combine(
        RepositoryRoot.Path, "samples", project, "bin", new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name, new DirectoryInfo(AppContext.BaseDirectory).Name, name + ".dll");

    private static async Task<(int ExitCode, string Output, string Error)> StartAsync(string program, params string[] arguments)
    {
        using Process process = Process.Start(StartInfo(program, arguments))!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output, await error);
    }

    private static ProcessStartInfo StartInfo(string program, string[] arguments)
    {
        // CLOUDIMAGE_COMMAND names another build of the command line, such as the native one.
        string? other = program == s_command ? Environment.GetEnvironmentVariable("CLOUDIMAGE_COMMAND") : null;
        ProcessStartInfo start = new(other ?? "dotnet", other is null ? [program, .. arguments] : arguments)
        {
            RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
        };
        start.Environment["AWS_ACCESS_KEY_ID"] = EbsFakeOptions.DefaultAccessKey;
        start.Environment["AWS_SECRET_ACCESS_KEY"] = EbsFakeOptions.DefaultSecretKey;
        start.Environment.Remove("AWS_SESSION_TOKEN");
        return start;
    }
}
