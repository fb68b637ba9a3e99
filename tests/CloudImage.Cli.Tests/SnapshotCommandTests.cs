using System.Linq;
using System.Text.Json;
using System.Threading.Tasks;
using Xunit;

namespace CloudImage.Cli.Tests;

public sealed class SnapshotCommandTests : CommandTests
{
    [Fact]
    public async Task TwoVersions_GoIn_AndEitherComesBack()
    {
        await SucceedAsync("repo", "init", "repo");
        JsonElement first = (await SucceedAsync("snapshot", "create", "repo", FirstVersion, "--image", "web", "--json")).Json;
        JsonElement second = (await SucceedAsync("snapshot", "create", "repo", SecondVersion, "--image", "web", "--json")).Json;

        JsonElement list = (await SucceedAsync("snapshot", "list", "repo", "--json")).Json;
        string[] ids = [.. list.EnumerateArray().Select(static snapshot => snapshot.GetProperty("id").GetString()!)];
        Assert.Equal([first.GetProperty("id").GetString(), second.GetProperty("id").GetString()], ids);
        Assert.Equal(ids[0], second.GetProperty("parent").GetString());
        Assert.True(second.GetProperty("storedBytes").GetInt64() > 0);
        Assert.Equal(64L << 20, second.GetProperty("logicalBytes").GetInt64());

        await SucceedAsync("snapshot", "restore", "repo", ids[0], "first.raw", "--to", "raw");
        await SucceedAsync("snapshot", "restore", "repo", ids[1], "second.qcow2", "--to", "qcow2", "--compression", "zstd");
        Assert.Equal(await DigestAsync(FirstVersion), await DigestAsync("first.raw"));
        Assert.Equal(await DigestAsync(SecondVersion), await DigestAsync("second.qcow2"));
    }

    [Fact]
    public async Task Verify_OfAnIntactRepository_ExitsWithZero_AndOfADamagedOneWithOne()
    {
        await SucceedAsync("repo", "init", "repo");
        await SucceedAsync("snapshot", "create", "repo", FirstVersion, "--image", "web");
        Assert.True((await SucceedAsync("snapshot", "verify", "repo", "--json")).Json.GetProperty("isHealthy").GetBoolean());

        string pack = System.IO.Directory.GetFiles(PathOf("repo/p"), "*", System.IO.SearchOption.AllDirectories)[0];
        System.IO.File.SetAttributes(pack, System.IO.FileAttributes.Normal);
        byte[] bytes = await System.IO.File.ReadAllBytesAsync(pack);
        bytes[bytes.Length / 2] ^= 1;
        await System.IO.File.WriteAllBytesAsync(pack, bytes);

        CommandResult result = await RunAsync("snapshot", "verify", "repo", "--json");
        Assert.Equal(1, result.ExitCode);
        Assert.NotEmpty(result.Json.GetProperty("problems").EnumerateArray());
    }

    [Fact]
    public async Task Delete_TakesASnapshotOffTheList()
    {
        await SucceedAsync("repo", "init", "repo");
        string id = (await SucceedAsync("snapshot", "create", "repo", FirstVersion, "--image", "web", "--json")).Json.GetProperty("id").GetString()!;
        await SucceedAsync("snapshot", "delete", "repo", id);

        Assert.Empty((await SucceedAsync("snapshot", "list", "repo", "--json")).Json.EnumerateArray());
        Assert.Equal(2, (await RunAsync("snapshot", "restore", "repo", "0123456789abcdef0123456789abcdef", "out.raw", "--to", "raw")).ExitCode);
    }

    [Fact]
    public async Task Restore_OfARange_OrInPlace_WritesThatAlone()
    {
        await SucceedAsync("repo", "init", "repo");
        string id = (await SucceedAsync("snapshot", "create", "repo", FirstVersion, "--image", "web", "--json")).Json.GetProperty("id").GetString()!;
        await SucceedAsync("snapshot", "restore", "repo", id, "whole.raw");
        await SucceedAsync("snapshot", "restore", "repo", id, "part.raw", "--range", "1M:100k");
        byte[] whole = await System.IO.File.ReadAllBytesAsync(PathOf("whole.raw"));
        Assert.Equal(whole[(1 << 20)..((1 << 20) + 102_400)], await System.IO.File.ReadAllBytesAsync(PathOf("part.raw")));
        Assert.Equal(2, (await RunAsync("snapshot", "restore", "repo", id, "part.raw", "--range", "64M:1")).ExitCode);

        string second = (await SucceedAsync("snapshot", "create", "repo", SecondVersion, "--image", "web", "--json")).Json.GetProperty("id").GetString()!;
        JsonElement written = (await SucceedAsync("snapshot", "restore", "repo", second, "whole.raw", "--in-place", "--json")).Json;
        Assert.InRange(written.GetProperty("writtenBytes").GetInt64(), 1, 16 << 20);
        Assert.Equal(await DigestAsync(SecondVersion), await DigestAsync("whole.raw"));
        Assert.Equal(2, (await RunAsync("snapshot", "restore", "repo", id, "whole.raw", "--in-place", "--to", "qcow2")).ExitCode);
    }

    [Fact]
    public async Task Create_FromABaseImage_StoresWhatItDoesNotHave()
    {
        await SucceedAsync("repo", "init", "repo");
        await SucceedAsync("snapshot", "create", "repo", FirstVersion, "--image", "golden");
        JsonElement other = (await SucceedAsync("snapshot", "create", "repo", SecondVersion, "--image", "web", "--base-image", "golden", "--deduplication", "chain", "--json")).Json;
        Assert.InRange(other.GetProperty("duplicateChunks").GetInt64(), 1, 1000);
        Assert.Equal(JsonValueKind.Null, other.GetProperty("parent").ValueKind);
        Assert.Equal(2, (await RunAsync("snapshot", "create", "repo", SecondVersion, "--image", "web", "--base-image", "nobody")).ExitCode);
        Assert.Empty((await SucceedAsync("snapshot", "list", "repo", "--interrupted", "--json")).Json.EnumerateArray());
        Assert.Equal(2, (await RunAsync("snapshot", "create", "repo", SecondVersion, "--image", "web", "--resume", "0123456789abcdef0123456789abcdef")).ExitCode);
    }

    [Fact]
    public async Task Diff_ListsWhatChanged()
    {
        await SucceedAsync("repo", "init", "repo", "--chunk-size", "64k");
        string first = (await SucceedAsync("snapshot", "create", "repo", FirstVersion, "--image", "web", "--json")).Json.GetProperty("id").GetString()!;
        string second = (await SucceedAsync("snapshot", "create", "repo", SecondVersion, "--image", "web", "--json")).Json.GetProperty("id").GetString()!;

        JsonElement diff = (await SucceedAsync("snapshot", "diff", "repo", first, second, "--json")).Json;
        Assert.InRange(diff.GetProperty("changedBytes").GetInt64(), 1, 8 << 20);
    }

    [Fact]
    public async Task Stats_CountWhatIsSharedOnce()
    {
        await SucceedAsync("repo", "init", "repo");
        await SucceedAsync("snapshot", "create", "repo", FirstVersion, "--image", "web");
        await SucceedAsync("snapshot", "create", "repo", SecondVersion, "--image", "web");

        JsonElement stats = (await SucceedAsync("repo", "stats", "repo", "--json")).Json;
        Assert.Equal(2, stats.GetProperty("snapshotCount").GetInt32());
        Assert.Equal(2 * (64L << 20), stats.GetProperty("logicalBytes").GetInt64());
        Assert.InRange(stats.GetProperty("uniqueBytes").GetInt64(), 1, stats.GetProperty("dataBytes").GetInt64() - 1);
        Assert.True(stats.GetProperty("storedBytes").GetInt64() > 0);
    }

    [Fact]
    public async Task Create_InAFolderThatIsNoRepository_ExitsWithTwo() =>
        Assert.Equal(2, (await RunAsync("snapshot", "create", "nowhere", FirstVersion, "--image", "web")).ExitCode);
}
