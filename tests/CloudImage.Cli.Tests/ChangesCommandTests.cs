using System;
using System.IO;
using System.Linq;
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
        JsonElement whole = (await SucceedAsync("snapshot", "create", "repo", SecondVersion, "--image", "other", "--parent", older, "--deduplication", "chain", "--patch-frames", "false", "--json")).Json;
        JsonElement patched = (await SucceedAsync("snapshot", "create", "repo", SecondVersion, "--image", "other", "--parent", older, "--deduplication", "chain", "--json")).Json;
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

    [Fact]
    public async Task Traces_AreTakenFromLogs_Listed_Shown_AndDropped()
    {
        (string older, string newer) = await CaptureTwoAsync();
        Assert.Equal(0, (await SucceedAsync("snapshot", "trace", "repo", "--json")).Json.GetArrayLength());
        long[] chunks = [.. (await SucceedAsync("map", FirstVersion, "--json")).Json.EnumerateArray()
            .Where(static extent => extent.GetProperty("kind").GetString()!.Equals("data", StringComparison.OrdinalIgnoreCase))
            .Select(static extent => extent.GetProperty("start").GetInt64() / 65536).Distinct().Take(3)];
        Assert.Equal(3, chunks.Length);
        (long first, long second, long third) = (chunks[2] * 65536, chunks[0] * 65536, chunks[1] * 65536);
        string[] logs =
        [
            $"qemu-system-x86_64: warning: nothing of note\nblk_co_preadv blk 0x55 bs 0x56 offset {first} bytes 4096 flags 0x0\nblk_co_pwritev blk 0x55 bs 0x56 offset 0 bytes 512 flags 0x0\n"
                + $"4711@1700000000.123456:blk_co_preadv blk 0x55 bs 0x56 offset {second + 512} bytes 1024 flags 0x0\nblk_co_preadv blk 0x55 bs 0x56 offset {third} bytes 65536 flags 0x0\n",
            $"virtio_blk_handle_read vdev 0x1 req 0x2 sector {first / 512} nsectors 8\nvirtio_blk_handle_read vdev 0x1 req 0x2 sector {second / 512} nsectors 8\nvirtio_blk_handle_read vdev 0x1 req 0x2 sector {third / 512} nsectors 8\n",
            $"  8,0    3        1     0.000000000   697  Q   R {first / 512} + 8 [init]\n  8,0    3        2     0.000001000   697  D   R {first / 512} + 8 [init]\n  8,0    1        3     0.1 697 Q  WS 0 + 8 [init]\n"
                + $"  8,0    1        4     0.200000000   697  D  RA {second / 512} + 16 [init]\n  8,0    1        5     0.300000000   697  C   R {third / 512} + 16 [0]\nCPU0 (8,0):\n Reads Queued:           3,        16KiB\n",
            $"# by hand\n{first} 1\n0x{second:x}\t0x10\n{third / 1024}k:1k\n",
            $$"""{ "ranges": [ { "offset": {{first}}, "length": 1 }, { "offset": {{second}}, "length": 1 }, { "offset": {{third}}, "length": 1 } ] }""",
            $$"""
            [{ "start": {{first}}, "length": 4096, "data": true, "offset": 0 },
             { "start": 0, "length": 4096, "data": false }, { "start": {{second}}, "length": 1 }, { "start": {{third}}, "length": 1 }]
            """,
        ];
        foreach (string log in logs)
        {
            CommandResult kept = await RunAsync(System.Text.Encoding.UTF8.GetBytes(log), null, "snapshot", "trace", "repo", older, "--from", "-", "--json");
            Assert.True(kept.ExitCode == 0, $"{log}{kept}");
            long[] order = [.. kept.Json.GetProperty("ranges").EnumerateArray().SelectMany(static range =>
                Enumerable.Range(0, (int)((range.GetProperty("length").GetInt64() + 65535) / 65536)).Select(index => range.GetProperty("offset").GetInt64() + (index * 65536L)))];
            Assert.Equal([first, second, third], order);
        }

        // What it shows is what it takes, of another snapshot too.
        await File.WriteAllTextAsync(PathOf("shown"), (await SucceedAsync("snapshot", "trace", "repo", older)).Output);
        await SucceedAsync("snapshot", "trace", "repo", newer, "--from", "shown");
        Assert.Equal([older, newer], (await SucceedAsync("snapshot", "trace", "repo", "--json")).Json.EnumerateArray().Select(static trace => trace.GetProperty("id").GetString()));
        Assert.False((await SucceedAsync("snapshot", "trace", "repo", older, "--drop", "--json")).Json.GetProperty("hasTrace").GetBoolean());
        Assert.Contains("no trace", (await SucceedAsync("snapshot", "trace", "repo", older, "--drop")).Output, StringComparison.Ordinal);
        Assert.Equal(newer, Assert.Single((await SucceedAsync("snapshot", "trace", "repo", "--json")).Json.EnumerateArray()).GetProperty("id").GetString());
        Assert.Contains(newer, (await SucceedAsync("snapshot", "trace", "repo")).Output, StringComparison.Ordinal);

        foreach (string bad in (string[])["", "hello\n", "12\n", "{\n", "{}", "[1]", "[]", "[{\"start\":-1,\"length\":2}]", "[{\"start\":1.5,\"length\":2}]", "9223372036854775807 9223372036854775807\n", "9000000T 1\n"])
        {
            CommandResult refused = await RunAsync(System.Text.Encoding.UTF8.GetBytes(bad), null, "snapshot", "trace", "repo", older, "--from", "-");
            Assert.True(refused.ExitCode == 2 && refused.Error.Length > 20 && !refused.Error.Contains("   at ", StringComparison.Ordinal), $"{bad}: {refused}");
        }

        Assert.Equal(2, (await RunAsync("snapshot", "trace", "repo", "--drop")).ExitCode);
        Assert.Equal(2, (await RunAsync("snapshot", "trace", "repo", older, "--drop", "--range", "0:1")).ExitCode);
        Assert.Equal(2, (await RunAsync("snapshot", "trace", "repo", older, "--from", "not there")).ExitCode);
    }

    [Fact]
    public async Task Restore_RecordsATrace_OfWhatItReads()
    {
        (string older, string _) = await CaptureTwoAsync();
        long start = (await SucceedAsync("map", FirstVersion, "--json")).Json.EnumerateArray()
            .First(static extent => extent.GetProperty("kind").GetString()!.Equals("data", StringComparison.OrdinalIgnoreCase)).GetProperty("start").GetInt64() / 65536 * 65536;
        CommandResult part = await SucceedAsync("snapshot", "restore", "repo", older, "-", "--to", "raw", "--range", $"{start}:1k", "--record-trace");
        Assert.Equal(1024, part.OutputBytes.Length);
        JsonElement trace = (await SucceedAsync("snapshot", "trace", "repo", older, "--json")).Json;
        JsonElement range = Assert.Single(trace.GetProperty("ranges").EnumerateArray());
        Assert.Equal((start, 65536L), (range.GetProperty("offset").GetInt64(), range.GetProperty("length").GetInt64()));
        await SucceedAsync("snapshot", "restore", "repo", older, "whole.raw", "--record-trace");
        Assert.True((await SucceedAsync("snapshot", "trace", "repo", older, "--json")).Json.GetProperty("ranges").EnumerateArray().Sum(static one => one.GetProperty("length").GetInt64()) > 1 << 20);
        Assert.Equal(await DigestAsync(FirstVersion), await DigestAsync("whole.raw"));
        Assert.Equal(2, (await RunAsync("snapshot", "restore", "repo", older, "whole.raw", "--in-place", "--record-trace")).ExitCode);
    }

    private async Task<(string Older, string Newer)> CaptureTwoAsync()
    {
        await SucceedAsync("repo", "init", "repo", "--chunk-size", "64k");
        string older = (await SucceedAsync("snapshot", "create", "repo", FirstVersion, "--image", "web", "--json")).Json.GetProperty("id").GetString()!;
        string newer = (await SucceedAsync("snapshot", "create", "repo", SecondVersion, "--image", "web", "--json")).Json.GetProperty("id").GetString()!;
        return (older, newer);
    }
}
