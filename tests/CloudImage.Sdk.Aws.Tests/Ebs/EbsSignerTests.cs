using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.Json;
using Amazon.Runtime;
using CloudImage.Sdk.Aws.Ebs;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Aws.Tests.Ebs;

public sealed class EbsSignerTests
{
    private static string GoldenPath => Path.Combine(RepositoryRoot.Path, "tests", "CloudImage.Sdk.Aws.Tests", "Ebs", "signatures.json");

    [Fact]
    public void Sign_OnFixedInputs_EqualsTheVendorsSigner()
    {
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllText(GoldenPath));
        Assert.True(golden.RootElement.GetArrayLength() >= 12);
        foreach (JsonElement vector in golden.RootElement.EnumerateArray())
        {
            string? token = vector.GetProperty("sessionToken").GetString();
            ImmutableCredentials credentials = new(vector.GetProperty("accessKey").GetString(), vector.GetProperty("secretKey").GetString(), token);
            List<KeyValuePair<string, string>> headers = [.. Pairs(vector.GetProperty("headers")).OrderBy(static pair => pair.Key, StringComparer.Ordinal)];
            DateTime at = DateTime.ParseExact(Value(headers, "x-amz-date"), "yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal);
            string authorization = EbsSigner.Sign(
                credentials,
                "eu-central-1",
                at,
                vector.GetProperty("method").GetString()!,
                vector.GetProperty("path").GetString()!,
                EbsSigner.EncodeQuery([.. Pairs(vector.GetProperty("query"))]),
                headers,
                Value(headers, "x-amz-content-sha256"));
            Assert.Equal(Normalize(vector.GetProperty("authorization").GetString()!), Normalize(authorization));
        }
    }

    [Fact]
    public void GoldenFile_IsWhatTheVendorsSignerMakesToday()
    {
        ExternalTool node = ExternalTool.Require("node");
        if (!Directory.Exists(Path.Combine(RepositoryRoot.Path, "tests", "oracles", "node_modules")))
        {
            ExternalTool.SkipOrFail("tests/oracles is not installed.");
        }

        Assert.Equal(File.ReadAllText(GoldenPath).ReplaceLineEndings(), node.Run(Path.Combine(RepositoryRoot.Path, "tests", "oracles", "ebs-signatures.mjs")).ReplaceLineEndings());
    }

    [Fact]
    public void EncodePath_EncodesSegmentsAndKeepsSlashes()
    {
        Assert.Equal("/snapshots/snap-1/a%20b%2Bc", EbsSigner.EncodePath("/snapshots/snap-1/a b+c"));
        Assert.Equal("/", EbsSigner.EncodePath(string.Empty));
    }

    // Blanks behind the commas of the header are free.
    private static string Normalize(string authorization) => authorization.Replace(", ", ",", StringComparison.Ordinal);

    private static string Value(List<KeyValuePair<string, string>> pairs, string name) => pairs.Single(pair => pair.Key == name).Value;

    private static IEnumerable<KeyValuePair<string, string>> Pairs(JsonElement element) =>
        element.EnumerateObject().Select(static property => new KeyValuePair<string, string>(property.Name, property.Value.GetString()!));
}
