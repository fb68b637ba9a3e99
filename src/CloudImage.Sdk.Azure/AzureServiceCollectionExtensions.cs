using System;
using CloudImage.Sdk.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace CloudImage.Sdk.Azure;

/// <summary>Registers Microsoft Azure with a program's services.</summary>
public static class AzureServiceCollectionExtensions
{
    /// <summary>Adds addresses <c>az://</c> to the registry of stores; together with <see cref="CloudImageServiceCollectionExtensions.AddCloudImage(IServiceCollection)"/>, in any order.</summary>
    /// <param name="services">The program's services.</param>
    /// <returns>The same services.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="services"/> is null.</exception>
    public static IServiceCollection AddCloudImageAzure(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<ObjectStoreProvider, AzureBlobObjectStoreProvider>());
        return services;
    }
}
