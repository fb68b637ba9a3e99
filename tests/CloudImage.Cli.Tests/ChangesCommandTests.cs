using System.Text.Json;
using System.Threading.Tasks;
using Xunit;

namespace CloudImage.Cli.Tests;

public sealed class ChangesCommandTests : CommandTests
{
    [Fact]
    public async Task Stream_MakesTheNewerImageOfTheOlder_HereAndInAnotherRepository()
    {
        (string older, string newer) = await CaptureTwoAsync();
        await SucceedAsync("snapshot", "diff", "repo", older, newer, "changes", "--to", "stream");
        await SucceedAsync("snapshot", "restore", "repo", older, "old.raw", "--to", "raw");
        await SucceedAsync("apply", "changes", "old.raw", "new.qcow2", "--to", "qcow2");
        Assert.Equal(await DigestAsync(SecondVersion), await DigestAsync("new.qcow2"));
        Assert.Equal(1, (await RunAsync("apply", "changes", "new.qcow2", "wrong.raw")).ExitCode);
        Assert.False(System.IO.File.Exists(PathOf("wrong.raw")));
        await SucceedAsync("apply", "changes", "old.raw", "--in-place");
        Assert.Equal(await DigestAsync(SecondVersion), await DigestAsync("old.raw"));

        await SucceedAsync("repo", "init", "other", "--chunk-size", "64k");
        await SucceedAsync("snapshot", "create", "other", FirstVersion, "--image", "web");
        JsonElement applied = (await SucceedAsync("snapshot", "apply", "other", "changes", "--image", "web", "--json")).Json;
        await SucceedAsync("snapshot", "restore", "other", applied.GetProperty("id").GetString()!, "there.raw", "--to", "raw");
        Assert.Equal(await DigestAsync(SecondVersion), await DigestAsync("there.raw"));
    }

    [Theory]
    [InlineData("qcow2")]
    [InlineData("vhd")]
    [InlineData("vhdx")]
    public async Task Overlay_LiesOverAnImageOfTheOlder(string format)
    {
        (string older, string newer) = await CaptureTwoAsync();
        await SucceedAsync("snapshot", "restore", "repo", older, $"old.{format}", "--to", format);
        await SucceedAsync("snapshot", "diff", "repo", older, newer, $"new.{format}", "--to", format, "--backing", $"old.{format}");
        JsonElement compared = (await SucceedAsync("compare", $"new.{format}", SecondVersion, "--json")).Json;
        Assert.True(compared.GetProperty("equal").GetBoolean());
        Assert.True(new System.IO.FileInfo(PathOf($"new.{format}")).Length < new System.IO.FileInfo(PathOf($"old.{format}")).Length);
        await SucceedAsync("check", $"new.{format}");
    }

    [Fact]
    public async Task Map_IsJsonThatNamesTheRanges()
    {
        (string older, string newer) = await CaptureTwoAsync();
        await SucceedAsync("snapshot", "diff", "repo", older, newer, "map.json", "--to", "map");
        using JsonDocument map = JsonDocument.Parse(await System.IO.File.ReadAllBytesAsync(PathOf("map.json")));
        Assert.Equal("cloudimage-change-map", map.RootElement.GetProperty("format").GetString());
        Assert.NotEqual(0, map.RootElement.GetProperty("ranges").GetArrayLength());
        JsonElement again = (await SucceedAsync("snapshot", "create", "repo", SecondVersion, "--image", "web", "--parent", older, "--change-map", "map.json", "--json")).Json;
        JsonElement whole = (await SucceedAsync("snapshot", "show", "repo", newer, "--json")).Json;
        JsonElement mapped = (await SucceedAsync("snapshot", "show", "repo", again.GetProperty("id").GetString()!, "--json")).Json;
        Assert.Equal(whole.GetProperty("root").GetString(), mapped.GetProperty("root").GetString());
        Assert.Equal(2, (await RunAsync("snapshot", "diff", "repo", older, newer, "out")).ExitCode);
        Assert.Equal(2, (await RunAsync("snapshot", "diff", "repo", older, newer, "out", "--to", "qcow2")).ExitCode);
    }

    [Fact]
    public async Task Patches_StoreLess_AndRestoreTheSame_AndATraceIsKept()
    {
        (string older, string _) = await CaptureTwoAsync();
        JsonElement whole = (await SucceedAsync("snapshot", "create", "repo", SecondVersion, "--image", "other", "--parent", older, "--deduplication", "chain", "--json")).Json;
        JsonElement patched = (await SucceedAsync("snapshot", "create", "repo", SecondVersion, "--image", "other", "--parent", older, "--deduplication", "chain", "--patch-frames", "--json")).Json;
        Assert.True(patched.GetProperty("storedBytes").GetInt64() < whole.GetProperty("storedBytes").GetInt64());
        string id = patched.GetProperty("id").GetString()!;
        await SucceedAsync("snapshot", "restore", "repo", id, "patched.raw", "--to", "raw");
        Assert.Equal(await DigestAsync(SecondVersion), await DigestAsync("patched.raw"));

        Assert.False((await SucceedAsync("snapshot", "trace", "repo", id, "--json")).Json.GetProperty("hasTrace").GetBoolean());
        JsonElement trace = (await SucceedAsync("snapshot", "trace", "repo", id, "--range", "1M:64k", "--range", "0:1", "--json")).Json;
        Assert.True(trace.GetProperty("hasTrace").GetBoolean());
        await SucceedAsync("snapshot", "verify", "repo");
        Assert.Equal(2, (await RunAsync("snapshot", "trace", "repo", id, "--range", "1M")).ExitCode);
    }

    private async Task<(string Older, string Newer)> CaptureTwoAsync()
    {
        await SucceedAsync("repo", "init", "repo", "--chunk-size", "64k");
        string older = (await SucceedAsync("snapshot", "create", "repo", FirstVersion, "--image", "web", "--json")).Json.GetProperty("id").GetString()!;
        string newer = (await SucceedAsync("snapshot", "create", "repo", SecondVersion, "--image", "web", "--json")).Json.GetProperty("id").GetString()!;
        return (older, newer);
    }
}
