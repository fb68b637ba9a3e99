using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Azure.Tests.Fakes;

/// <summary>The fake against the vendor's own client: neither side is ours.</summary>
public sealed class AzureFakeOracleTests
{
    [Fact]
    public async Task Fake_AnswersTheVendorsClientAsTheServiceDoes()
    {
        ExternalTool node = ExternalTool.Require("node");
        string oracles = Path.Combine(RepositoryRoot.Path, "tests", "oracles");
        if (!Directory.Exists(Path.Combine(oracles, "node_modules", "@azure", "storage-blob")))
        {
            ExternalTool.SkipOrFail("tests/oracles is not installed.");
        }

        await using AzureFake fake = await AzureFake.StartAsync();
        int busy = 2;
        int timedOut = 1;
        fake.Interceptor = line =>
        {
            if (line.StartsWith("PUT", StringComparison.Ordinal) && line.Contains("comp=page", StringComparison.Ordinal) && Interlocked.Decrement(ref busy) >= 0)
            {
                throw new FakeAnswerException(503, "ServerBusy", "The server is busy.") { RetryAfterInSeconds = 0 };
            }

            if (line.Contains("comp=pagelist", StringComparison.Ordinal) && Interlocked.Decrement(ref timedOut) >= 0)
            {
                throw new FakeAnswerException(500, "OperationTimedOut", "Operation could not be completed within the permitted time.");
            }
        };
        string output = await Task.Run(() => node.Run(Path.Combine(oracles, "azure-pages.mjs"), fake.Endpoint.ToString(), AzureFake.Account, Convert.ToBase64String(fake.Key)));
        Assert.Contains("\"differences\":3", output, StringComparison.Ordinal);
        Assert.True(busy < 0 && timedOut < 0);
    }
}
