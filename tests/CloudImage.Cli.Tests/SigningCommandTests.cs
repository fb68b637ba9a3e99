using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text.Json;
using System.Threading.Tasks;
using Xunit;

namespace CloudImage.Cli.Tests;

public sealed class SigningCommandTests : CommandTests
{
    [Fact]
    public async Task SignedSnapshots_AreTold_AndGapsExplained()
    {
        await WriteKeysAsync();
        await SucceedAsync("repo", "init", "repo");
        List<string> ids = [];
        for (int index = 0; index < 3; index++)
        {
            ids.Add((await SucceedAsync("snapshot", "create", "repo", FirstVersion, "--image", "web", "--json", "--signing-key", "file:private.pem")).Json.GetProperty("id").GetString()!);
        }

        await SucceedAsync("snapshot", "delete", "repo", ids[1], "--signing-key", "file:private.pem");
        JsonElement list = (await SucceedAsync("snapshot", "list", "repo", "--expect-head", ids[2], "--verify-key", "public.pem", "--json")).Json;
        Assert.Equal(["Valid", "Valid"], list.EnumerateArray().Select(static snapshot => snapshot.GetProperty("signature").GetString()));
        await SucceedAsync("snapshot", "verify", "repo", "--verify-key", "public.pem");

        string plain = (await SucceedAsync("snapshot", "create", "repo", FirstVersion, "--image", "web", "--json")).Json.GetProperty("id").GetString()!;
        Assert.Equal(1, (await RunAsync("snapshot", "verify", "repo", "--verify-key", "public.pem")).ExitCode);
        Assert.Equal(1, (await RunAsync("snapshot", "list", "repo", "--verify-key", "public.pem")).ExitCode);
        await SucceedAsync("snapshot", "sign", "repo", plain, "--signing-key", "file:private.pem");
        await SucceedAsync("snapshot", "verify", "repo", "--verify-key", "public.pem");

        Directory.Delete(PathOf($"repo/s/{plain}"), true);
        File.Delete(PathOf("repo/n/web/0000000004"));
        await SucceedAsync("snapshot", "list", "repo", "--image", "web", "--expect-head", ids[2]);
        Assert.Equal(1, (await RunAsync("snapshot", "list", "repo", "--image", "web", "--expect-head", plain)).ExitCode);
        Assert.Equal(1, (await RunAsync("snapshot", "list", "repo", "--expect-head", plain)).ExitCode);
    }

    [Fact]
    public async Task Proof_HoldsWithoutTheRepository()
    {
        await WriteKeysAsync();
        await SucceedAsync("repo", "init", "repo");
        string id = (await SucceedAsync("snapshot", "create", "repo", FirstVersion, "--image", "web", "--json", "--signing-key", "file:private.pem")).Json.GetProperty("id").GetString()!;
        JsonElement proof = (await SucceedAsync("snapshot", "prove", "repo", id, "web.proof", "--range", "1M:10000", "--json")).Json;
        string root = proof.GetProperty("root").GetString()!;
        foreach ((string offset, string length) in ((string, string)[])[("0", "5G"), ("0", "0"), ("1T", "1"), ("0", "65M"), ("0", "100")])
        {
            CommandResult result = await RunAsync("snapshot", "prove", "repo", id, "no.proof", "--range", $"{offset}:{length}");
            Assert.Equal(length == "100" ? 0 : 2, result.ExitCode);
        }

        Assert.Equal(2, (await RunAsync("repo", "init", "large", "--chunk-size", "5G")).ExitCode);
        Directory.Delete(PathOf("repo"), true);

        JsonElement verified = (await SucceedAsync("snapshot", "verify-proof", "web.proof", "--root", root, "--verify-key", "public.pem", "--extract", "bytes", "--against", FirstVersion, "--json")).Json;
        Assert.True(verified.GetProperty("holds").GetBoolean());
        Assert.True(verified.GetProperty("isTrusted").GetBoolean());
        Assert.True(verified.GetProperty("isSame").GetBoolean());
        Assert.Equal(10000, new FileInfo(PathOf("bytes")).Length);
        Assert.Equal(1, (await RunAsync("snapshot", "verify-proof", "web.proof", "--root", new string('0', 64))).ExitCode);
        byte[] bytes = await File.ReadAllBytesAsync(PathOf("web.proof"));
        bytes[^100] ^= 1;
        await File.WriteAllBytesAsync(PathOf("web.proof"), bytes);
        Assert.Equal(1, (await RunAsync("snapshot", "verify-proof", "web.proof", "--root", root)).ExitCode);
    }

    [Fact]
    public async Task Keys_AreListedAddedRemovedAndRenewed()
    {
        Dictionary<string, string> environment = new() { ["ONE"] = "a first passphrase", ["TWO"] = "another passphrase" };
        async Task<CommandResult> Run(params string[] arguments)
        {
            CommandResult result = await RunAsync(null, environment, arguments);
            Assert.True(result.ExitCode == 0, result.ToString());
            return result;
        }

        await Run("repo", "init", "repo", "--encryption", "aes256gcm", "--key", "env:ONE");
        await Run("snapshot", "create", "repo", FirstVersion, "--image", "web", "--key", "env:ONE");
        string holder = (await Run("repo", "key", "add", "repo", "--key", "env:ONE", "--new-key", "env:TWO", "--json")).Json.GetProperty("name").GetString()!;
        await Run("snapshot", "list", "repo", "--key", "env:TWO");
        Assert.Equal(2, (await Run("repo", "key", "list", "repo", "--json")).Json.GetArrayLength());
        await Run("repo", "key", "remove", "repo", holder, "--key", "env:ONE");
        Assert.Equal(2, (await RunAsync(null, environment, "snapshot", "list", "repo", "--key", "env:TWO")).ExitCode);
        await Run("repo", "key", "epoch", "repo", "--key", "env:ONE", "--new-key", "env:TWO");
        JsonElement slots = (await Run("repo", "key", "list", "repo", "--json")).Json;
        Assert.Equal([1, 2, 2], slots.EnumerateArray().Select(static slot => slot.GetProperty("epoch").GetInt32()));
        Assert.Equal(2, (await RunAsync(null, environment, "repo", "key", "epoch", "repo", "--key", "env:ONE", "--destroy", "1")).ExitCode);
        await Run("repo", "key", "epoch", "repo", "--key", "env:ONE", "--destroy", "1", "--yes");
        Assert.Equal(2, (await Run("repo", "key", "list", "repo", "--json")).Json.GetArrayLength());
    }

    private async Task WriteKeysAsync()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        await File.WriteAllTextAsync(PathOf("private.pem"), key.ExportPkcs8PrivateKeyPem());
        await File.WriteAllTextAsync(PathOf("public.pem"), key.ExportSubjectPublicKeyInfoPem());
    }
}
