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
    [Theory]
    [InlineData("ecdsa")]
    [InlineData("ed25519")]
    public async Task SignedSnapshots_AreTold_AndGapsExplained(string kind)
    {
        await WriteKeysAsync(kind);
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
        JsonElement signed = (await SucceedAsync("snapshot", "sign", "repo", plain, "--signing-key", "file:private.pem", "--json")).Json;
        Assert.Equal(kind == "ecdsa" ? "ecdsa-p256-sha256" : "ed25519", signed.GetProperty("algorithm").GetString());
        Assert.True(signed.GetProperty("isNew").GetBoolean());
        await SucceedAsync("snapshot", "verify", "repo", "--verify-key", "public.pem");

        Directory.Delete(PathOf($"repo/s/{plain}"), true);
        File.Delete(PathOf("repo/n/web/0000000004"));
        await SucceedAsync("snapshot", "list", "repo", "--image", "web", "--expect-head", ids[2]);
        Assert.Equal(1, (await RunAsync("snapshot", "list", "repo", "--image", "web", "--expect-head", plain)).ExitCode);
        Assert.Equal(1, (await RunAsync("snapshot", "list", "repo", "--expect-head", plain)).ExitCode);
    }

    [Fact]
    public async Task KeysThatAreNone_AreRefusedByName()
    {
        await SucceedAsync("repo", "init", "repo");
        string id = (await SucceedAsync("snapshot", "create", "repo", FirstVersion, "--image", "web", "--json")).Json.GetProperty("id").GetString()!;
        using RSA rsa = RSA.Create(2048);
        using ECDsa other = ECDsa.Create(ECCurve.NamedCurves.nistP521);
        await WriteKeysAsync("ed25519");
        string seed = await File.ReadAllTextAsync(PathOf("private.pem"));
        string encrypted = other.ExportEncryptedPkcs8PrivateKeyPem("secret", new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000));
        foreach (string pem in (string[])["", "no key", rsa.ExportPkcs8PrivateKeyPem(), other.ExportPkcs8PrivateKeyPem(), encrypted, await File.ReadAllTextAsync(PathOf("public.pem")), seed.Replace("MC4", "MC5", System.StringComparison.Ordinal)])
        {
            await File.WriteAllTextAsync(PathOf("bad.pem"), pem);
            CommandResult refused = await RunAsync("snapshot", "sign", "repo", id, "--signing-key", "file:bad.pem");
            Assert.True(refused.ExitCode == 2 && refused.Error.Contains("Ed25519", System.StringComparison.Ordinal) && !refused.Error.Contains("   at ", System.StringComparison.Ordinal), refused.ToString());
        }

        // A public key may be taken from its private half.
        await SucceedAsync("snapshot", "sign", "repo", id, "--signing-key", "file:private.pem");
        await SucceedAsync("snapshot", "list", "repo", "--verify-key", "private.pem");
        await WriteKeysAsync("ecdsa");
        Assert.Equal(1, (await RunAsync("snapshot", "list", "repo", "--verify-key", "public.pem")).ExitCode);
    }

    [Theory]
    [InlineData("ecdsa")]
    [InlineData("ed25519")]
    public async Task Proof_HoldsWithoutTheRepository(string kind)
    {
        await WriteKeysAsync(kind);
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

    private async Task WriteKeysAsync(string kind)
    {
        if (kind == "ed25519")
        {
            // RFC 8032, section 7.1, test 2, as RFC 8410 writes keys; OpenSSL writes the same.
            byte[] privateKey = System.Convert.FromHexString("302e020100300506032b6570042204204ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
            byte[] publicKey = System.Convert.FromHexString("302a300506032b65700321003d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
            await File.WriteAllTextAsync(PathOf("private.pem"), PemEncoding.WriteString("PRIVATE KEY", privateKey));
            await File.WriteAllTextAsync(PathOf("public.pem"), PemEncoding.WriteString("PUBLIC KEY", publicKey));
            return;
        }

        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        await File.WriteAllTextAsync(PathOf("private.pem"), key.ExportPkcs8PrivateKeyPem());
        await File.WriteAllTextAsync(PathOf("public.pem"), key.ExportSubjectPublicKeyInfoPem());
    }
}
