using System;
using System.IO;
using System.Threading.Tasks;
using CloudImage.Sdk.Aws.Tests.Fakes;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Aws.Tests.Ebs;

/// <summary>The fake against the vendor's own client: neither side is ours.</summary>
public sealed class EbsFakeOracleTests
{
    [Fact]
    public async Task Fake_AnswersTheVendorsClientAsTheServiceDoes()
    {
        ExternalTool node = ExternalTool.Require("node");
        string oracles = Path.Combine(RepositoryRoot.Path, "tests", "oracles");
        if (!Directory.Exists(Path.Combine(oracles, "node_modules", "@aws-sdk")))
        {
            ExternalTool.SkipOrFail("tests/oracles is not installed.");
        }

        // The vendor's client leaves a block's body out of the signature, which the service takes over https alone.
        await using EbsFake fake = await EbsFake.StartAsync(new EbsFakeOptions { UsesHttps = true });
        using TempFolder folder = new();
        await File.WriteAllTextAsync(folder.File("ca.pem"), fake.CertificatePem, TestContext.Current.CancellationToken);
        string output = await Task.Run(() => ExternalTool.Require("env").Run(
            $"NODE_EXTRA_CA_CERTS={folder.File("ca.pem")}", "node", Path.Combine(oracles, "ebs.mjs"),
            fake.Endpoint.ToString(), fake.Region, EbsFakeOptions.DefaultAccessKey, EbsFakeOptions.DefaultSecretKey));
        Assert.Contains("\"blocks\":260", output, StringComparison.Ordinal);
        Assert.Equal(3, fake.SnapshotIds.Count);
        Assert.True(fake.Calls("GetSnapshotBlock") >= 5);
        Assert.NotNull(node);
    }
}
