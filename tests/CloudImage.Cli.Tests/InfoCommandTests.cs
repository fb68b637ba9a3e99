using System.IO;
using System.Text.Json;
using System.Threading.Tasks;
using Xunit;

namespace CloudImage.Cli.Tests;

public sealed class InfoCommandTests : CommandTests
{
    [Fact]
    public async Task Info_OfAQcow2_NamesFormatAndVirtualSize()
    {
        JsonElement answer = (await SucceedAsync("info", FirstVersion, "--json")).Json;

        Assert.Equal("qcow2", answer.GetProperty("format").GetString());
        Assert.Equal(64L << 20, answer.GetProperty("virtualSize").GetInt64());
        Assert.False(answer.TryGetProperty("id", out _));
    }

    [Fact]
    public async Task Info_OfAMissingFile_SaysSoAndExitsWithTwo()
    {
        CommandResult result = await RunAsync("info", "nowhere.qcow2");

        Assert.Equal(2, result.ExitCode);
        Assert.Contains("nowhere.qcow2", result.Error);
        Assert.DoesNotContain("   at ", result.Error);
    }

    [Fact]
    public async Task Info_OfADamagedHeader_ExitsWithTwo()
    {
        byte[] bytes = await File.ReadAllBytesAsync(FirstVersion);
        bytes[20] = 99;
        await File.WriteAllBytesAsync(PathOf("damaged.qcow2"), bytes);

        Assert.Equal(2, (await RunAsync("info", "damaged.qcow2")).ExitCode);
    }

    [Fact]
    public async Task AnUnknownOption_ExitsWithTwo() => Assert.Equal(2, (await RunAsync("info", FirstVersion, "--nonsense")).ExitCode);

    [Fact]
    public async Task Formats_AreListed()
    {
        JsonElement answer = (await SucceedAsync("formats", "--json")).Json;
        Assert.Contains(answer.EnumerateArray(), static format => format.GetProperty("name").GetString() == "qcow2");
    }
}
