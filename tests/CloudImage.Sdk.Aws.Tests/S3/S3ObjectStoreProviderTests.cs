using System;
using System.Threading.Tasks;
using CloudImage.Sdk.Storage;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace CloudImage.Sdk.Aws.Tests.S3;

/// <summary>Addresses and the registration with a program's services.</summary>
public sealed class S3ObjectStoreProviderTests
{
    [Theory]
    [InlineData("s3://b/p?profile=nobody", "known are aws, ceph")]
    [InlineData("s3://b/p?no-such=1", "no-such")]
    [InlineData("s3://b/p?storage-class=GLACIER", "cannot be read before")]
    [InlineData("s3://b/p?concurrency=0", "concurrency")]
    [InlineData("s3://b/p?endpoint=http://user:word@host", "endpoint")]
    public async Task WrongAddress_IsToldClearly(string address, string expected)
    {
        ObjectStoreRegistry registry = new([new S3ObjectStoreProvider()]);
        FormatException exception = await Assert.ThrowsAsync<FormatException>(async () => await registry.OpenAsync(address));
        Assert.Contains(expected, exception.Message);
        Assert.DoesNotContain("word", exception.Message);
    }

    [Fact]
    public void AddCloudImageAws_PutsTheSchemeIntoTheRegistryOnce()
    {
        using ServiceProvider services = new ServiceCollection().AddCloudImageAws().AddCloudImage().AddCloudImageAws().BuildServiceProvider();
        ObjectStoreRegistry registry = services.GetRequiredService<ObjectStoreRegistry>();
        Assert.Equal(["s3"], registry.Schemes);
        Assert.IsType<S3ObjectStoreProvider>(Assert.Single(registry.Providers));
    }

    [Fact]
    public void Usage_NamesEveryProfile()
    {
        string usage = new S3ObjectStoreProvider().Usage;
        Assert.All(S3ServiceProfile.All, profile => Assert.Contains(profile.Name, usage));
    }

    [Theory]
    [InlineData(null, "aws")]
    [InlineData("https://s3.eu-central-1.amazonaws.com", "aws")]
    [InlineData("https://oss-cn-hangzhou.aliyuncs.com", "alibaba-oss")]
    [InlineData("https://cos.ap-guangzhou.myqcloud.com", "tencent-cos")]
    [InlineData("https://obs.cn-north-4.myhuaweicloud.com", "huawei-obs")]
    [InlineData("http://127.0.0.1:7480", "generic")]
    [InlineData("http://notamazonaws.com", "generic")]
    public void FindByEndpoint_KnowsTheGreatOnes(string? endpoint, string expected) =>
        Assert.Equal(expected, S3ServiceProfile.FindByEndpoint(endpoint is null ? null : new Uri(endpoint)).Name);

    [Fact]
    public async Task NoServiceThere_IsAConnectionFault()
    {
        // A port that was free a moment ago.
        using System.Net.Sockets.TcpListener listener = new(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        int port = ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        S3ObjectStoreOptions options = new() { Bucket = "b", Endpoint = new Uri($"http://127.0.0.1:{port}"), Credentials = RgwServer.Credentials };
        ObjectStoreException exception = await Assert.ThrowsAsync<ObjectStoreException>(async () => await S3ObjectStore.OpenAsync(options));
        Assert.True(exception.IsTransient);
        Assert.Contains("connection", exception.Message);
    }
}
