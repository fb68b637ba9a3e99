using System;
using CloudImage.Sdk.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace CloudImage.Sdk.Aws;

/// <summary>Registers Amazon Web Services with a program's services.</summary>
public static class AwsServiceCollectionExtensions
{
    /// <summary>Adds addresses <c>s3://</c> to the registry of stores; together with <see cref="CloudImageServiceCollectionExtensions.AddCloudImage(IServiceCollection)"/>, in any order.</summary>
    /// <param name="services">The program's services.</param>
    /// <returns>The same services.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="services"/> is null.</exception>
    public static IServiceCollection AddCloudImageAws(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<ObjectStoreProvider, S3ObjectStoreProvider>());
        return services;
    }
}
