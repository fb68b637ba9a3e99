using System;
using System.IO;
using System.Threading.Tasks;
using CloudImage.Sdk.GoogleCloud.Tests.Fakes;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.GoogleCloud.Tests.Gcs;

/// <summary>The fake against the vendor's own client: neither side is ours.</summary>
public sealed class GcsFakeOracleTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Fake_AnswersTheVendorsClientAsTheServiceDoes(bool withToken)
    {
        ExternalTool node = ExternalTool.Require("node");
        string oracles = Path.Combine(RepositoryRoot.Path, "tests", "oracles");
        if (!Directory.Exists(Path.Combine(oracles, "node_modules", "@google-cloud")))
        {
            ExternalTool.SkipOrFail("tests/oracles is not installed.");
        }

        await using GcsFake fake = new() { RequiresToken = withToken };

        // Of each piece of a resumable upload the service keeps less than it was sent, now and then.
        int pieces = 0;
        fake.Keep = length => ++pieces % 3 == 1 ? length / 2 : length;
        using TempFolder folder = new();
        await File.WriteAllTextAsync(folder.File("key.json"), fake.Authority.MakeKeyFile(fake.TokenAddress), TestContext.Current.CancellationToken);
        string[] arguments = [Path.Combine(oracles, "gcs.mjs"), fake.Address.ToString().TrimEnd('/'), .. withToken ? [folder.File("key.json")] : Array.Empty<string>()];
        string output = await Task.Run(() => node.Run(arguments));
        Assert.Equal("ok", output.Trim());
        Assert.Equal(withToken, fake.Authority.GivenTokens > 0);
        Assert.Equal(!withToken, pieces > 3);
    }
}
