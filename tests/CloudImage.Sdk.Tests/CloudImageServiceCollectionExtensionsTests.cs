using System;
using CloudImage.Sdk.Formats;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace CloudImage.Sdk.Tests;

public sealed class CloudImageServiceCollectionExtensionsTests
{
    [Fact]
    public void AddCloudImage_GivesOpenOptionsThatLogWhereTheProgramLogs()
    {
        using ServiceProvider provider = new ServiceCollection()
            .AddSingleton<ILoggerFactory>(NullLoggerFactory.Instance)
            .AddCloudImage(static options => options.AllowRawFallback = false)
            .BuildServiceProvider();

        DiskOpenOptions options = provider.GetRequiredService<DiskOpenOptions>();

        Assert.Same(NullLoggerFactory.Instance, options.LoggerFactory);
        Assert.False(options.AllowRawFallback);
        Assert.Same(DiskReadLimits.Untrusted, options.Limits);
    }

    [Fact]
    public void AddCloudImage_KeepsWhatTheProgramRegistered()
    {
        DiskOpenOptions own = new() { IsLenient = true };
        using ServiceProvider provider = new ServiceCollection().AddSingleton(own).AddCloudImage().BuildServiceProvider();

        Assert.Same(own, provider.GetRequiredService<DiskOpenOptions>());
        Assert.Same(DiskFormatRegistry.Default, provider.GetRequiredService<DiskFormatRegistry>());
    }

    [Fact]
    public void AddCloudImage_WithoutServices_Throws() =>
        Assert.Throws<ArgumentNullException>(static () => ((IServiceCollection)null!).AddCloudImage());
}
