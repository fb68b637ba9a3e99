using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using System.Threading.Tasks;
using Xunit;

namespace CloudImage.Cli.Tests;

public sealed class RepoCopyCommandTests : CommandTests
{
    [Fact]
    public async Task Copy_FillsTwoRepositories_AndTheSecondRunMovesNothing()
    {
        await SucceedAsync("repo", "init", "repo");
        await SucceedAsync("repo", "init", "first", "--like", "repo");
        await SucceedAsync("repo", "init", "second");
        await SucceedAsync("snapshot", "create", "repo", FirstVersion, "--image", "web");
        string newest = (await SucceedAsync("snapshot", "create", "repo", SecondVersion, "--image", "web", "--json")).Json.GetProperty("id").GetString()!;

        await SucceedAsync("repo", "init", "alone");
        JsonElement toOne = (await SucceedAsync("repo", "copy", "repo", "alone", "--json")).Json;

        JsonElement copied = (await SucceedAsync("repo", "copy", "repo", "first", "second", "--json")).Json;
        JsonElement[] destinations = [.. copied.GetProperty("destinations").EnumerateArray()];
        Assert.Equal([2, 2], destinations.Select(static destination => destination.GetProperty("copied").GetArrayLength()));

        // Two destinations cost the source what one costs: the frames, and once more the chunks that patches are checked against.
        long frameBytes = destinations[1].GetProperty("frameBytes").GetInt64();
        Assert.Equal(toOne.GetProperty("readBytes").GetInt64(), copied.GetProperty("readBytes").GetInt64());
        Assert.InRange(copied.GetProperty("readBytes").GetInt64(), frameBytes, (frameBytes * 2) - 1);
        JsonElement copy = destinations[1].GetProperty("copied")[1];
        Assert.Equal(newest, copy.GetProperty("source").GetString());
        await SucceedAsync("snapshot", "restore", "second", copy.GetProperty("id").GetString()!, "out.raw", "--to", "raw");
        Assert.Equal(await DigestAsync(SecondVersion), await DigestAsync("out.raw"));
        await SucceedAsync("snapshot", "verify", "second");

        JsonElement again = (await SucceedAsync("repo", "copy", "repo", "first", "second", "--json")).Json;
        Assert.Equal(0, again.GetProperty("readBytes").GetInt64());
        Assert.Equal([2, 2], again.GetProperty("destinations").EnumerateArray().Select(static destination => destination.GetProperty("present").GetInt32()));
    }

    [Fact]
    public async Task Copy_OfAnEncryptedRepository_TakesItsKey()
    {
        Dictionary<string, string> environment = new() { ["ONE"] = "a first passphrase", ["TWO"] = "another passphrase" };
        async Task<CommandResult> Run(params string[] arguments)
        {
            CommandResult result = await RunAsync(null, environment, arguments);
            Assert.True(result.ExitCode == 0, result.ToString());
            return result;
        }

        await Run("repo", "init", "repo", "--encryption", "aes256gcm", "--key", "env:ONE");
        await Run("repo", "init", "replica", "--like", "repo", "--key", "env:ONE");
        await Run("repo", "init", "other", "--encryption", "aes256gcm", "--key", "env:TWO");
        await Run("snapshot", "create", "repo", FirstVersion, "--image", "web", "--key", "env:ONE");
        await Run("repo", "copy", "repo", "replica", "--key", "env:ONE");
        await Run("repo", "copy", "repo", "other", "--key", "env:ONE", "--destination-key", "env:TWO");
        await Run("snapshot", "verify", "replica", "--key", "env:ONE");
        await Run("snapshot", "verify", "other", "--key", "env:TWO");
        Assert.Equal(2, (await RunAsync(null, environment, "repo", "copy", "repo", "other", "--key", "env:ONE")).ExitCode);
    }
}
