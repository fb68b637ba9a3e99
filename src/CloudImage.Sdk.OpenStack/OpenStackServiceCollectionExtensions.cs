using System;
using CloudImage.Sdk.OpenStack.Swift;
using CloudImage.Sdk.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace CloudImage.Sdk.OpenStack;

/// <summary>Registers OpenStack with a program's services.</summary>
public static class OpenStackServiceCollectionExtensions
{
    /// <summary>Registers the core, and Swift with the registry of stores: addresses <c>swift://</c> can then be opened. Credentials come from the environment.</summary>
    /// <param name="services">The program's services.</param>
    /// <returns>The same services.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="services"/> is null.</exception>
    public static IServiceCollection AddCloudImageOpenStack(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddCloudImage();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<ObjectStoreProvider, SwiftObjectStoreProvider>());
        return services;
    }
}
