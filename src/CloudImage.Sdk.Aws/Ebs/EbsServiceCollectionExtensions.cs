using System;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>Registers EBS direct with a program's services.</summary>
public static class EbsServiceCollectionExtensions
{
    /// <summary>Registers one <see cref="EbsDirectClient"/>, so that all that works in the account and region shares its quotas. What was registered before is kept.</summary>
    /// <param name="services">The program's services.</param>
    /// <param name="options">Where, who and how hard.</param>
    /// <returns>The same services.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public static IServiceCollection AddCloudImageEbs(this IServiceCollection services, EbsClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(options);
        services.TryAddSingleton(_ => new EbsDirectClient(options));
        return services;
    }
}
