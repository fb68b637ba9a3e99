using System;
using System.IO;
using System.Threading.Tasks;
using CloudImage.Sdk.Aws.Ebs;
using CloudImage.Sdk.Aws.Tests.Fakes;
using CloudImage.Sdk.Disks;
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

    [Fact]
    public async Task WhatIsWrittenHere_IsReadByTheVendorsClient_AndTheOtherWayRound()
    {
        string oracles = Path.Combine(RepositoryRoot.Path, "tests", "oracles");
        ExternalTool.Require("node");
        if (!Directory.Exists(Path.Combine(oracles, "node_modules", "@aws-sdk")))
        {
            ExternalTool.SkipOrFail("tests/oracles is not installed.");
        }

        await using EbsFake fake = await EbsFake.StartAsync(new EbsFakeOptions { UsesHttps = true });
        using TempFolder folder = new();
        await File.WriteAllTextAsync(folder.File("ca.pem"), fake.CertificatePem, TestContext.Current.CancellationToken);
        using EbsDirectClient client = EbsClients.For(fake);
        using TestDisk source = TestDisk.Random(21, 12 << 20, 200_000, false);
        await using EbsSnapshotWriter writer = await EbsSnapshotWriter.CreateAsync(client, source.Length, new EbsSnapshotWriterOptions { CompletionPollInterval = TimeSpan.FromMilliseconds(10) }, TestContext.Current.CancellationToken);
        await source.CopyToAsync(writer, DiskCopyOptions.Default, null, TestContext.Current.CancellationToken);
        await writer.CompleteAsync(TestContext.Current.CancellationToken);
        await Task.Run(() => ExternalTool.Require("env").Run(
            $"NODE_EXTRA_CA_CERTS={folder.File("ca.pem")}", "node", Path.Combine(oracles, "ebs-copy.mjs"),
            fake.Endpoint.ToString(), fake.Region, EbsFakeOptions.DefaultAccessKey, EbsFakeOptions.DefaultSecretKey, writer.SnapshotId, folder.File("read.raw")));
        await using (FileStream file = File.OpenRead(folder.File("read.raw")))
        {
            byte[] read = new byte[source.Length];
            await file.ReadExactlyAsync(read, TestContext.Current.CancellationToken);
            Assert.Equal(1L << 30, file.Length);
            Assert.True(source.ToArray().AsSpan().SequenceEqual(read));
        }

        // The script has written a copy of it as another snapshot.
        await using EbsSnapshotDisk copy = await EbsSnapshotDisk.OpenAsync(client, fake.SnapshotIds[^1], new EbsSnapshotDiskOptions { Length = source.Length }, TestContext.Current.CancellationToken);
        Assert.NotEqual(writer.SnapshotId, copy.SnapshotId);
        DiskComparison comparison = await DiskComparer.CompareAsync(source, copy, DiskCompareOptions.Default, null, TestContext.Current.CancellationToken);
        Assert.True(comparison.AreEqual);
    }
}
