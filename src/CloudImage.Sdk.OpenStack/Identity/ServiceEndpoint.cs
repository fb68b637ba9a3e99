using System;

namespace CloudImage.Sdk.OpenStack.Identity;

/// <summary>Where a service is reached: an entry of the catalog that comes with a token.</summary>
public sealed class ServiceEndpoint
{
    /// <summary>Makes an entry.</summary>
    /// <param name="serviceType">Type of the service, such as <c>image</c> or <c>object-store</c>.</param>
    /// <param name="interfaceName">Who it is for: <c>public</c>, <c>internal</c> or <c>admin</c>.</param>
    /// <param name="region">Its region; empty where the catalog names none.</param>
    /// <param name="address">Its address, http or https.</param>
    public ServiceEndpoint(string serviceType, string interfaceName, string region, Uri address)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        ArgumentNullException.ThrowIfNull(interfaceName);
        ArgumentNullException.ThrowIfNull(region);
        ArgumentNullException.ThrowIfNull(address);
        ServiceType = serviceType;
        Interface = interfaceName;
        Region = region;
        Address = address;
    }

    /// <summary>Type of the service, such as <c>image</c> or <c>object-store</c>.</summary>
    public string ServiceType { get; }

    /// <summary>Who it is for: <c>public</c>, <c>internal</c> or <c>admin</c>.</summary>
    public string Interface { get; }

    /// <summary>Its region; empty where the catalog names none.</summary>
    public string Region { get; }

    /// <summary>Its address.</summary>
    public Uri Address { get; }

    /// <summary>Type, interface and region.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => Region.Length == 0 ? $"{ServiceType} ({Interface})" : $"{ServiceType} ({Interface}, {Region})";
}
