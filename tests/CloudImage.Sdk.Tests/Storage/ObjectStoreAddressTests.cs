using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Storage;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace CloudImage.Sdk.Tests.Storage;

public sealed class ObjectStoreAddressTests
{
    [Fact]
    public void Parse_TellsThePartsApart()
    {
        var address = ObjectStoreAddress.Parse("S3://bucket/a/b/?endpoint=http%3A%2F%2F127.0.0.1:7480&profile=ceph&create-bucket=true&parallel=12");
        Assert.Equal("s3", address.Scheme);
        Assert.Equal("bucket", address.Container);
        Assert.Equal("a/b", address.Prefix);
        Assert.Equal(new Uri("http://127.0.0.1:7480"), address.TakeUri("endpoint"));
        Assert.Equal("ceph", address.Take("profile"));
        Assert.True(address.TakeFlag("create-bucket"));
        Assert.False(address.TakeFlag("other"));
        Assert.Equal(12, address.TakeNumber("parallel", 1, 64));
        address.ThrowIfAnyLeft();
        Assert.Equal("s3://bucket/a/b", address.ToString());
    }

    [Theory]
    [InlineData("bucket/prefix")]
    [InlineData("://bucket")]
    [InlineData("s3://")]
    [InlineData("s3:///prefix")]
    [InlineData("s3://key:secret@bucket/prefix")]
    [InlineData("s3://bucket/.hidden")]
    [InlineData("s3://bucket/a//b")]
    [InlineData("s3://bucket?a=1&a=2")]
    public void Parse_OfWhatIsNoAddress_Throws(string text) => Assert.Throws<FormatException>(() => ObjectStoreAddress.Parse(text));

    [Fact]
    public void Parse_OfASecret_DoesNotRepeatIt()
    {
        FormatException exception = Assert.Throws<FormatException>(() => ObjectStoreAddress.Parse("s3://AKIA:hidden@bucket"));
        Assert.DoesNotContain("hidden", exception.Message, StringComparison.Ordinal);
        exception = Assert.Throws<FormatException>(() => ObjectStoreAddress.Parse("s3://b?endpoint=http://u:hidden@h/").TakeUri("endpoint"));
        Assert.DoesNotContain("hidden", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("s3://b?x=yes")]
    [InlineData("s3://b?x=")]
    public void TakeFlag_OfSomethingElse_Throws(string text) => Assert.Throws<FormatException>(() => ObjectStoreAddress.Parse(text).TakeFlag("x"));

    [Theory]
    [InlineData("s3://b?x=0")]
    [InlineData("s3://b?x=65")]
    [InlineData("s3://b?x=-1")]
    [InlineData("s3://b?x=many")]
    public void TakeNumber_OutOfItsBounds_Throws(string text) => Assert.Throws<FormatException>(() => ObjectStoreAddress.Parse(text).TakeNumber("x", 1, 64));

    [Fact]
    public void ThrowIfAnyLeft_NamesTheParameterAndThoseThatAreKnown()
    {
        var address = ObjectStoreAddress.Parse("s3://bucket?regoin=x");
        Assert.Null(address.Take("region"));
        FormatException exception = Assert.Throws<FormatException>(address.ThrowIfAnyLeft);
        Assert.Contains("regoin", exception.Message, StringComparison.Ordinal);
        Assert.Contains("region", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Registry_OpensBySchemeAndNamesWhatItKnows()
    {
        ServiceProvider services = new ServiceCollection().AddCloudImage().AddSingleton<ObjectStoreProvider>(new MemoryProvider()).BuildServiceProvider();
        ObjectStoreRegistry registry = services.GetRequiredService<ObjectStoreRegistry>();
        await using ObjectStore store = await registry.OpenAsync("mem://here");
        Assert.IsType<MemoryObjectStore>(store);
        FormatException exception = await Assert.ThrowsAsync<FormatException>(async () => await registry.OpenAsync("s3://here"));
        Assert.Contains("mem", exception.Message, StringComparison.Ordinal);
    }

    private sealed class MemoryProvider : ObjectStoreProvider
    {
        public override IReadOnlyList<string> Schemes => ["mem"];

        public override string Usage => "mem://name";

        public override ValueTask<ObjectStore> OpenAsync(ObjectStoreAddress address, CancellationToken cancellationToken = default) =>
            ValueTask.FromResult<ObjectStore>(new MemoryObjectStore());
    }
}
