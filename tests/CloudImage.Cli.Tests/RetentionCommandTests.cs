using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using System.Threading.Tasks;
using Xunit;

namespace CloudImage.Cli.Tests;

public sealed class RetentionCommandTests : CommandTests
{
    [Fact]
    public async Task Prune_ExplainsItself_KeepsWhatIsHeldAndTagged_AndDropsTheRest()
    {
        await SucceedAsync("repo", "init", "repo");
        List<string> ids = [];
        string[][] tags = [["--tag", "release=1"], [], [], []];
        foreach (string[] tag in tags)
        {
            ids.Add((await SucceedAsync(["snapshot", "create", "repo", FirstVersion, "--image", "web", "--json", .. tag])).Json.GetProperty("id").GetString()!);
        }

        await SucceedAsync("snapshot", "hold", "repo", ids[1], "--reason", "case 4711");
        JsonElement dry = (await SucceedAsync("snapshot", "prune", "repo", "--keep-last", "1", "--keep-tag", "release", "--dry-run", "--json")).Json;
        Assert.True(dry.GetProperty("dryRun").GetBoolean());
        Assert.Equal(1, dry.GetProperty("toDrop").GetInt32());
        Assert.Equal(
            ["tag release", "legal hold", "no rule keeps it", "last, 1 of 1"],
            dry.GetProperty("decisions").EnumerateArray().Select(static decision => decision.GetProperty("reasons")[0].GetString()));
        Assert.Equal(4, (await SucceedAsync("snapshot", "list", "repo", "--json")).Json.GetArrayLength());

        JsonElement pruned = (await SucceedAsync("snapshot", "prune", "repo", "--keep-last", "1", "--keep-tag", "release", "--json")).Json;
        Assert.Equal([ids[2]], pruned.GetProperty("dropped").EnumerateArray().Select(static id => id.GetString()));
        Assert.Equal(2, (await RunAsync("snapshot", "delete", "repo", ids[1])).ExitCode);
        await SucceedAsync("snapshot", "hold", "repo", ids[1], "--release");
        await SucceedAsync("snapshot", "delete", "repo", ids[1]);
        Assert.Equal([ids[0], ids[3]], (await SucceedAsync("snapshot", "list", "repo", "--json")).Json.EnumerateArray().Select(static snapshot => snapshot.GetProperty("id").GetString()));
    }

    [Fact]
    public async Task Prune_WithoutARuleOrOfTooMuch_ExitsWithTwo()
    {
        await SucceedAsync("repo", "init", "repo");
        for (int index = 0; index < 3; index++)
        {
            await SucceedAsync("snapshot", "create", "repo", FirstVersion, "--image", "web");
        }

        Assert.Equal(2, (await RunAsync("snapshot", "prune", "repo")).ExitCode);
        Assert.Equal(2, (await RunAsync("snapshot", "prune", "repo", "--keep-last", "1", "--image", "nobody")).ExitCode);
        CommandResult refused = await RunAsync("snapshot", "prune", "repo", "--keep-last", "1", "--max-drop", "50");
        Assert.Equal(2, refused.ExitCode);
        Assert.Equal(3, (await SucceedAsync("snapshot", "list", "repo", "--json")).Json.GetArrayLength());
        await SucceedAsync("snapshot", "prune", "repo", "--keep-last", "1", "--max-drop", "50", "--yes");
        Assert.Equal(1, (await SucceedAsync("snapshot", "list", "repo", "--json")).Json.GetArrayLength());
    }
}
