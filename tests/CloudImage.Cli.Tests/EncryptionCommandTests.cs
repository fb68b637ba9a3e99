using System.Collections.Generic;
using System.IO;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Tasks;
using Xunit;

namespace CloudImage.Cli.Tests;

public sealed class EncryptionCommandTests : CommandTests
{
    private static readonly Dictionary<string, string> s_secret = new() { ["REPO_KEY"] = "correct horse battery staple" };

    [Fact]
    public async Task Passphrase_FromTheEnvironment_OpensTheRepository_AndAnotherOneDoesNot()
    {
        await SucceedAsync(s_secret, "repo", "init", "repo", "--encryption", "aes256gcm", "--key", "env:REPO_KEY");
        CommandResult created = await SucceedAsync(s_secret, "snapshot", "create", "repo", FirstVersion, "--image", "web", "--key", "env:REPO_KEY", "--json");
        string id = created.Json.GetProperty("id").GetString()!;
        await SucceedAsync(s_secret, "snapshot", "restore", "repo", id, "out.raw", "--to", "raw", "--key", "env:REPO_KEY");
        Assert.Equal(await DigestAsync(FirstVersion), await DigestAsync("out.raw"));

        Dictionary<string, string> wrong = new() { ["REPO_KEY"] = "wrong" };
        Assert.Equal(2, (await RunAsync(null, wrong, "snapshot", "list", "repo", "--key", "env:REPO_KEY")).ExitCode);
        Assert.Equal(2, (await RunAsync("snapshot", "restore", "repo", id, "out2.raw", "--to", "raw")).ExitCode);
        Assert.False(File.Exists(PathOf("out2.raw")));
    }

    [Fact]
    public async Task Passphrase_StretchedWithArgon2_OpensTheRepository_AndStretchedOtherwiseDoesNot()
    {
        await SucceedAsync(s_secret, "repo", "init", "repo", "--encryption", "aes256gcm", "--key", "argon2:env:REPO_KEY");
        await SucceedAsync(s_secret, "snapshot", "create", "repo", FirstVersion, "--image", "web", "--key", "argon2:env:REPO_KEY");
        CommandResult keys = await SucceedAsync(s_secret, "repo", "key", "list", "repo", "--json");
        Assert.Contains("argon2id", keys.ToString(), System.StringComparison.Ordinal);

        Dictionary<string, string> wrong = new() { ["REPO_KEY"] = "wrong" };
        Assert.Equal(2, (await RunAsync(null, wrong, "snapshot", "list", "repo", "--key", "argon2:env:REPO_KEY")).ExitCode);
        Assert.Equal(2, (await RunAsync(null, s_secret, "snapshot", "list", "repo", "--key", "env:REPO_KEY")).ExitCode);
    }

    [Fact]
    public async Task KeyFile_OpensTheRepository()
    {
        await File.WriteAllBytesAsync(PathOf("key"), RandomNumberGenerator.GetBytes(48));
        await SucceedAsync("repo", "init", "repo", "--encryption", "aes256gcm", "--key", "file:key");
        await SucceedAsync("snapshot", "create", "repo", FirstVersion, "--image", "web", "--key", "file:key");
        await SucceedAsync("snapshot", "verify", "repo", "--key", "file:key");
    }

    [Fact]
    public async Task Certificate_OpensTheRepository()
    {
        using RSA key = RSA.Create(2048);
        CertificateRequest request = new("CN=repository", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pss);
        using X509Certificate2 certificate = request.CreateSelfSigned(System.DateTimeOffset.UnixEpoch, System.DateTimeOffset.UnixEpoch.AddYears(100));
        await File.WriteAllTextAsync(PathOf("key.pem"), certificate.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem());
        await SucceedAsync("repo", "init", "repo", "--encryption", "aes256gcm", "--key", "cert:key.pem");
        await SucceedAsync("snapshot", "create", "repo", FirstVersion, "--image", "web", "--key", "cert:key.pem");
        await SucceedAsync("snapshot", "list", "repo", "--key", "cert:key.pem");
    }

    [Fact]
    public async Task Encryption_WithoutAKey_IsRefused() =>
        Assert.Equal(2, (await RunAsync("repo", "init", "repo", "--encryption", "aes256gcm")).ExitCode);

    private async Task<CommandResult> SucceedAsync(Dictionary<string, string> environment, params string[] arguments)
    {
        CommandResult result = await RunAsync(null, environment, arguments);
        Assert.True(result.ExitCode == 0, result.ToString());
        return result;
    }
}
