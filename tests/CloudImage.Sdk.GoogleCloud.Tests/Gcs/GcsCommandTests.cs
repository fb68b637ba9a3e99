using System;
using System.IO;
using System.Threading.Tasks;
using CloudImage.Sdk.GoogleCloud.Tests.Fakes;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.GoogleCloud.Tests.Gcs;

/// <summary>The command line on Cloud Storage with a key file, as a process of its own.</summary>
public sealed class GcsCommandTests
{
    // In its own folder: beside the tests lie other versions of what it needs. A natively compiled one is named by the variable.
    private static readonly string s_command = Environment.GetEnvironmentVariable("CLOUDIMAGE_COMMAND") ?? Path.Combine(
        RepositoryRoot.Path, "samples", "CloudImage.Cli", "bin", new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name, new DirectoryInfo(AppContext.BaseDirectory).Name, "cloudimage.dll");

    [Fact]
    public async Task CaptureRestoreAndConvert_WithAKeyFile_AreEqual()
    {
        await using GcsFake fake = new() { RequiresToken = true };
        using TempFolder folder = new();
        await File.WriteAllTextAsync(folder.File("key.json"), fake.Authority.MakeKeyFile(fake.TokenAddress), TestContext.Current.CancellationToken);
        string service = $"endpoint={fake.Address.ToString().TrimEnd('/')}&auth=default";
        string address = $"gs://repository/site?{service}&create-bucket=true&project=project";
        byte[] content = TestDisk.Random(3, 20 << 20, 400_000, true).ToArray();
        await File.WriteAllBytesAsync(folder.File("disk.raw"), content, TestContext.Current.CancellationToken);
        Run("repo", "init", address);
        string id = Run("snapshot", "create", address, folder.File("disk.raw"), "--image", "disk").Split(' ')[0];
        Run("snapshot", "restore", address, id, folder.File("restored.raw"), "--to", "raw");
        byte[] restored = await File.ReadAllBytesAsync(folder.File("restored.raw"), TestContext.Current.CancellationToken);
        Assert.True(content.AsSpan().SequenceEqual(restored));
        Assert.True(fake.Authority.GivenTokens >= 3);

        Run("convert", folder.File("disk.raw"), $"gs://repository/images/disk.tar.gz?{service}", "--to", "gce");
        await File.WriteAllBytesAsync(folder.File("disk.tar.gz"), fake.Find("repository", "images/disk.tar.gz")!.Content, TestContext.Current.CancellationToken);
        Run("compare", folder.File("disk.tar.gz"), folder.File("disk.raw"));

        string Run(params string[] arguments)
        {
            string[] command = s_command.EndsWith(".dll", StringComparison.Ordinal) ? ["dotnet", s_command] : [s_command];
            return ExternalTool.Require("env").Run([$"GOOGLE_APPLICATION_CREDENTIALS={folder.File("key.json")}", .. command, .. arguments]);
        }
    }
}
