using System;
using System.IO;
using System.Threading.Tasks;
using CloudImage.Sdk.OpenStack.Tests.Support;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.OpenStack.Tests.Swift;

/// <summary>The command line on Swift, as a process of its own.</summary>
public sealed class SwiftCommandTests(SwiftServer server)
{
    // In its own folder: beside the tests lie other versions of what it needs. A natively compiled one is named by the variable.
    private static readonly string s_command = Environment.GetEnvironmentVariable("CLOUDIMAGE_COMMAND") ?? Path.Combine(
        RepositoryRoot.Path, "samples", "CloudImage.Cli", "bin", new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name, new DirectoryInfo(AppContext.BaseDirectory).Name, "cloudimage.dll");

    [Fact]
    public async Task CaptureAndRestore_OverSwift_AreEqual()
    {
        TestServer running = await server.StartAsync();
        using TempFolder folder = new();
        string address = $"swift://{server.NewContainer()}/site?auth={running["auth"]}&create-container=true";
        byte[] content = TestDisk.Random(3, 20 << 20, 400_000, true).ToArray();
        Run(running, "repo", "init", address);
        for (int version = 1; version <= 2; version++)
        {
            content.AsSpan(version << 20, 100_000).Fill((byte)version);
            await File.WriteAllBytesAsync(folder.File("disk.raw"), content, TestContext.Current.CancellationToken);
            string id = Run(running, "snapshot", "create", address, folder.File("disk.raw"), "--image", "disk").Split(' ')[0];
            Run(running, "snapshot", "restore", address, id, folder.File("restored.raw"), "--to", "raw");
            byte[] restored = await File.ReadAllBytesAsync(folder.File("restored.raw"), TestContext.Current.CancellationToken);
            Assert.True(content.AsSpan().SequenceEqual(restored));
        }

        Assert.Contains("no problem", Run(running, "snapshot", "verify", address), StringComparison.Ordinal);
    }

    private static string Run(TestServer running, params string[] arguments)
    {
        string[] command = s_command.EndsWith(".dll", StringComparison.Ordinal) ? ["dotnet", s_command] : [s_command];
        return ExternalTool.Require("env").Run([$"ST_USER={running["user"]}", $"ST_KEY={running["key"]}", .. command, .. arguments]);
    }
}
