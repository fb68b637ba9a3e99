using System;
using CloudImage.Sdk.GoogleCloud.Gcs;
using CloudImage.Sdk.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace CloudImage.Sdk.GoogleCloud;

/// <summary>Registers Google Cloud with a program's services.</summary>
public static class GoogleCloudServiceCollectionExtensions
{
    /// <summary>Registers the core, and Cloud Storage with the registry of stores: addresses <c>gs://</c> can then be opened. Credentials are the application default credentials.</summary>
    /// <param name="services">The program's services.</param>
    /// <returns>The same services.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="services"/> is null.</exception>
    public static IServiceCollection AddCloudImageGoogleCloud(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddCloudImage();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<ObjectStoreProvider, GcsObjectStoreProvider>());
        return services;
    }
}
