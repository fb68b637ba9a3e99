using System.IO;
using System.Text.Json;
using System.Threading.Tasks;
using Xunit;

namespace CloudImage.Cli.Tests;

public sealed class ConvertCommandTests : CommandTests
{
    [Theory]
    [InlineData("raw")]
    [InlineData("qcow2")]
    [InlineData("qcow2", "--compression", "zlib")]
    [InlineData("qcow2", "--compression", "zstd")]
    [InlineData("qcow2", "--option", "cluster_size=4k")]
    [InlineData("vhd")]
    [InlineData("vhd", "--option", "subformat=fixed")]
    [InlineData("vhdx")]
    [InlineData("vmdk")]
    [InlineData("vmdk", "--option", "subformat=streamOptimized")]
    [InlineData("vdi")]
    [InlineData("ova")]
    public async Task Convert_ToEachFormat_KeepsTheContent(string format, params string[] options)
    {
        string expected = await DigestAsync(FirstVersion);

        CommandResult result = await SucceedAsync(["convert", FirstVersion, "out.image", "--to", format, "--durability", "none", "--json", .. options]);

        Assert.Equal(format, result.Json.GetProperty("format").GetString());
        Assert.Equal(expected, await DigestAsync("out.image"));
        Assert.Equal(0, (await RunAsync("compare", FirstVersion, "out.image")).ExitCode);
    }

    [Fact]
    public async Task Convert_ReplacesAnExistingDestination()
    {
        await File.WriteAllTextAsync(PathOf("out.raw"), "old");
        await SucceedAsync("convert", FirstVersion, "out.raw", "--to", "raw");

        Assert.Equal(64L << 20, new FileInfo(PathOf("out.raw")).Length);
        Assert.Single(Directory.GetFiles(Folder));
    }

    [Fact]
    public async Task Convert_ThatFails_LeavesTheOldDestinationAlone()
    {
        byte[] bytes = (await File.ReadAllBytesAsync(FirstVersion))[..200_000];
        await File.WriteAllBytesAsync(PathOf("cut.qcow2"), bytes);
        await File.WriteAllTextAsync(PathOf("out.raw"), "old");

        CommandResult result = await RunAsync("convert", "cut.qcow2", "out.raw", "--to", "raw");

        Assert.Equal(2, result.ExitCode);
        Assert.Equal("old", await File.ReadAllTextAsync(PathOf("out.raw")));
        Assert.Equal(2, Directory.GetFiles(Folder).Length);
    }

    [Fact]
    public async Task Convert_ThroughPipes_KeepsTheContent()
    {
        await SucceedAsync("convert", FirstVersion, "disk.raw", "--to", "raw");
        CommandResult stream = await RunAsync(await File.ReadAllBytesAsync(PathOf("disk.raw")), null, "convert", "-", "-", "--from", "raw", "--to", "vmdk", "--option", "subformat=streamOptimized");
        Assert.True(stream.ExitCode == 0, stream.Error);
        await File.WriteAllBytesAsync(PathOf("piped.vmdk"), stream.OutputBytes);

        CommandResult back = await RunAsync(stream.OutputBytes, null, "convert", "-", "back.qcow2", "--to", "qcow2");
        Assert.True(back.ExitCode == 0, back.Error);

        string expected = await DigestAsync(FirstVersion);
        Assert.Equal(expected, await DigestAsync("piped.vmdk"));
        Assert.Equal(expected, await DigestAsync("back.qcow2"));
    }

    [Fact]
    public async Task Convert_WithAnUnknownOption_NamesTheKnownOnes()
    {
        CommandResult result = await RunAsync("convert", FirstVersion, "out.qcow2", "--to", "qcow2", "--option", "clustersize=1");

        Assert.Equal(2, result.ExitCode);
        Assert.Contains("cluster_size", result.Error);
    }

    [Fact]
    public async Task Compare_OfDifferentDisks_SaysWhereAndExitsWithOne()
    {
        CommandResult result = await RunAsync("compare", FirstVersion, SecondVersion, "--json");

        Assert.Equal(1, result.ExitCode);
        JsonElement answer = result.Json;
        Assert.False(answer.GetProperty("equal").GetBoolean());
        Assert.True(answer.GetProperty("firstDifference").GetInt64() > 0);
    }
}
