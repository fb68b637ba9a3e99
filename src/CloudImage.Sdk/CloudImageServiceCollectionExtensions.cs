using System;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace CloudImage.Sdk;

/// <summary>Registers the library with a program's services.</summary>
public static class CloudImageServiceCollectionExtensions
{
    /// <summary>Registers the format registry, the registry of stores, and <see cref="DiskOpenOptions"/> that log where the program logs.</summary>
    /// <param name="services">The program's services.</param>
    /// <returns>The same services.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="services"/> is null.</exception>
    public static IServiceCollection AddCloudImage(this IServiceCollection services) => AddCloudImage(services, static _ => { });

    /// <summary>Registers the format registry, the registry of stores, and <see cref="DiskOpenOptions"/> that log where the program logs.</summary>
    /// <param name="services">The program's services.</param>
    /// <param name="configure">Changes the defaults; called once, here.</param>
    /// <returns>The same services.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <remarks>What a program registered before is kept. Packages for clouds add their <see cref="ObjectStoreProvider"/> to the registry of stores.</remarks>
    public static IServiceCollection AddCloudImage(this IServiceCollection services, Action<CloudImageOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        CloudImageOptions options = new();
        configure(options);
        services.TryAddSingleton(options);
        services.TryAddSingleton(DiskFormatRegistry.Default);
        services.TryAddSingleton(static provider => new ObjectStoreRegistry(provider.GetServices<ObjectStoreProvider>()));
        services.TryAddSingleton(static provider => Open(provider.GetRequiredService<CloudImageOptions>(), provider.GetService<ILoggerFactory>()));
        return services;
    }

    private static DiskOpenOptions Open(CloudImageOptions options, ILoggerFactory? loggerFactory) => new()
    {
        Limits = options.Limits,
        References = options.References,
        AllowRawFallback = options.AllowRawFallback,
        LoggerFactory = loggerFactory,
    };
}
