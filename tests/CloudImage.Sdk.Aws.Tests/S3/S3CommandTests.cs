using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading.Tasks;
using CloudImage.Sdk.Tests.Snapshots;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Aws.Tests.S3;

/// <summary>The command line over <c>s3://</c>, each command a process of its own.</summary>
public sealed class S3CommandTests(RgwServer server) : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(2);

    private readonly TempFolder _folder = new();
    private string _repository = string.Empty;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Repository_InABucket_IsMadeFilledListedRestoredProbedAndCollected()
    {
        await NameRepositoryAsync();
        byte[] first = SnapshotTestData.Mixed(3 << 20, 1);
        byte[] second = [.. first];
        new Random(2).NextBytes(second.AsSpan(700_000, 300_000));
        await File.WriteAllBytesAsync(_folder.File("first.raw"), first);
        await File.WriteAllBytesAsync(_folder.File("second.raw"), second);

        JsonElement probe = JsonDocument.Parse((await SucceedAsync("repo", "probe", _repository, "--json")).Output).RootElement;
        Assert.True(probe.GetProperty("isSafe").GetBoolean());
        Assert.Equal("ceph", probe.GetProperty("service").GetString());
        Assert.True(probe.GetProperty("hasAtomicCreate").GetBoolean());
        Assert.True(probe.GetProperty("requests").GetProperty("creates").GetInt64() > 8);

        await SucceedAsync("repo", "init", _repository);
        await SucceedAsync("snapshot", "create", _repository, "first.raw", "--image", "disk");
        JsonElement created = JsonDocument.Parse((await SucceedAsync("snapshot", "create", _repository, "second.raw", "--image", "disk", "--json")).Output).RootElement;
        JsonElement requests = created.GetProperty("requests");
        Assert.InRange(requests.GetProperty("creates").GetInt64(), 3, 20);
        Assert.True(requests.GetProperty("bytesWritten").GetInt64() > 300_000);

        JsonElement list = JsonDocument.Parse((await SucceedAsync("snapshot", "list", _repository, "--json")).Output).RootElement;
        string[] ids = [.. list.EnumerateArray().Select(static snapshot => snapshot.GetProperty("id").GetString()!)];
        Assert.Equal(2, ids.Length);
        await SucceedAsync("snapshot", "restore", _repository, ids[0], "out1.raw", "--to", "raw");
        await SucceedAsync("snapshot", "restore", _repository, ids[1], "out2.raw", "--to", "raw");
        Assert.Equal(first, await File.ReadAllBytesAsync(_folder.File("out1.raw")));
        Assert.Equal(second, await File.ReadAllBytesAsync(_folder.File("out2.raw")));

        await SucceedAsync("snapshot", "delete", _repository, ids[0]);
        JsonElement collected = JsonDocument.Parse((await SucceedAsync("repo", "gc", _repository, "--json")).Output).RootElement;
        Assert.False(collected.GetProperty("ageBased").GetBoolean());
        Assert.True(collected.GetProperty("requests").GetProperty("lists").GetInt64() > 0);
        await SucceedAsync("snapshot", "verify", _repository);
    }

    [Fact]
    public async Task Processes_SideBySideWithACollector_AllSucceed()
    {
        await NameRepositoryAsync();
        await SucceedAsync("repo", "init", _repository);
        byte[][] contents = [.. Enumerable.Range(0, 3).Select(static index => SnapshotTestData.Mixed(2 << 20, index))];
        for (int index = 0; index < contents.Length; index++)
        {
            await File.WriteAllBytesAsync(_folder.File($"{index}.raw"), contents[index]);
        }

        Task<(int ExitCode, string Output, string Error)>[] writers =
            [.. Enumerable.Range(0, 3).Select(index => RunAsync("snapshot", "create", _repository, $"{index}.raw", "--image", $"disk{index}", "--json"))];
        Task<(int ExitCode, string Output, string Error)> collector = RunAsync("repo", "gc", _repository);
        (int ExitCode, string Output, string Error)[] answers = await Task.WhenAll([.. writers, collector]);
        Assert.All(answers, static answer => Assert.True(answer.ExitCode == 0, answer.Error));
        for (int index = 0; index < contents.Length; index++)
        {
            string id = JsonDocument.Parse(answers[index].Output).RootElement.GetProperty("id").GetString()!;
            await SucceedAsync("snapshot", "restore", _repository, id, "out.raw", "--to", "raw");
            Assert.Equal(contents[index], await File.ReadAllBytesAsync(_folder.File("out.raw")));
        }
    }

    [Fact]
    public async Task WrongSecret_IsOneLineWithoutIt()
    {
        await NameRepositoryAsync();
        (int exitCode, _, string error) = await RunWithAsync("another-secret", "snapshot", "list", _repository);
        Assert.Equal(2, exitCode);
        Assert.Contains("SignatureDoesNotMatch", error);
        Assert.DoesNotContain("another-secret", error);
        Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    private async Task NameRepositoryAsync()
    {
        TestServer rgw = await server.GetAsync();
        _repository = $"s3://{RgwServer.Bucket}/{Guid.NewGuid():n}?endpoint={rgw["endpoint"]}&profile=ceph&create-bucket=true";
    }

    private Task<(int ExitCode, string Output, string Error)> RunAsync(params string[] arguments) => RunWithAsync("TESTSECRET", arguments);

    private async Task<(int ExitCode, string Output, string Error)> SucceedAsync(params string[] arguments)
    {
        (int exitCode, string output, string error) = await RunAsync(arguments);
        Assert.True(exitCode == 0, $"{string.Join(' ', arguments)}: {exitCode} {output} {error}");
        return (exitCode, output, error);
    }

    private async Task<(int ExitCode, string Output, string Error)> RunWithAsync(string secret, params string[] arguments)
    {
        // Where the command was built, with all that it needs beside it.
        DirectoryInfo built = new(AppContext.BaseDirectory);
        ProcessStartInfo start = new("dotnet", [Path.Combine(RepositoryRoot.Path, "samples", "CloudImage.Cli", "bin", built.Parent!.Name, built.Name, "cloudimage.dll"), .. arguments])
        {
            WorkingDirectory = _folder.Path,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["AWS_ACCESS_KEY_ID"] = "TESTKEY";
        start.Environment["AWS_SECRET_ACCESS_KEY"] = secret;
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(s_limit);
        return (process.ExitCode, output, await error);
    }
}
