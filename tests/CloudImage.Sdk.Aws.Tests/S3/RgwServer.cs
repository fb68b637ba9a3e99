using System;
using System.Diagnostics;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using Amazon.Runtime;
using CloudImage.Sdk.Aws.Tests.S3;
using CloudImage.Sdk.Tests.Support;
using Xunit;

[assembly: AssemblyFixture(typeof(RgwServer))]

namespace CloudImage.Sdk.Aws.Tests.S3;

/// <summary>One Ceph object gateway for all tests of the assembly, started by the first that needs it.</summary>
public sealed class RgwServer : IAsyncDisposable
{
    public const string Bucket = "tests";

    private static readonly string[] s_tools = ["ceph", "ceph-mon", "ceph-mgr", "ceph-osd", "radosgw", "radosgw-admin", "curl", "python3"];

    private readonly SemaphoreSlim _starting = new(1, 1);
    private TestServer? _server;

    public static AWSCredentials Credentials { get; } = new BasicAWSCredentials("TESTKEY", "TESTSECRET");

    public async ValueTask<TestServer> GetAsync()
    {
        await _starting.WaitAsync();
        try
        {
            return _server ??= await TestServer.StartAsync("rgw", s_tools);
        }
        finally
        {
            _starting.Release();
        }
    }

    /// <summary>Options for a place that nobody has used.</summary>
    public async ValueTask<S3ObjectStoreOptions> NewOptionsAsync() => Options(await GetAsync(), $"{Guid.NewGuid():n}/inner", null);

    public static S3ObjectStoreOptions Options(TestServer server, string prefix, Uri? endpoint) => new()
    {
        Bucket = Bucket,
        Prefix = prefix,
        Endpoint = endpoint ?? new Uri(server["endpoint"]),
        Profile = S3ServiceProfile.Ceph,
        Credentials = Credentials,
        CreateBucket = true,
    };

    /// <summary>Runs radosgw-admin.</summary>
    public async Task AdministerAsync(params string[] arguments)
    {
        TestServer server = await GetAsync();
        ProcessStartInfo start = new("radosgw-admin", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["CEPH_CONF"] = server["conf"];
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"radosgw-admin {string.Join(' ', arguments)}: {await output}{error}");
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        _starting.Dispose();
    }
}
