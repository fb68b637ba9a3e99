using System;
using System.Collections.Generic;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.OpenStack;

/// <summary>What the parameters of an address change in the settings of the environment.</summary>
internal static class OpenStackAddress
{
    internal static OpenStackConnectionOptions Read(ObjectStoreAddress address, string serviceType, Dictionary<string, string> settings)
    {
        if (address.Take("auth") is { } auth)
        {
            ApplyAuth(settings, auth);
        }

        Set(settings, serviceType.Replace('-', '_') + "_endpoint_override", address.TakeUri("endpoint")?.ToString());
        Set(settings, "region_name", address.Take("region"));
        Set(settings, "interface", address.Take("interface"));
        try
        {
            return OpenStackConnectionOptions.FromSettings(settings);
        }
        catch (ArgumentException exception)
        {
            throw new FormatException(exception.Message, exception);
        }
    }

    private static void ApplyAuth(Dictionary<string, string> settings, string auth)
    {
        if (auth == "none")
        {
            settings["auth_type"] = auth;
            return;
        }

        if (!Uri.TryCreate(auth, UriKind.Absolute, out Uri? address) || address.Scheme is not ("http" or "https") || address.UserInfo.Length > 0)
        {
            throw new FormatException("Parameter auth is neither 'none' nor an http:// or https:// address without credentials.");
        }

        settings.Remove("auth_type");
        settings.Remove(OpenStackSettings.AuthUrl);
        settings.Remove(OpenStackSettings.TempAuthUrl);
        settings[OpenStackSettings.IsTempAuth(address) ? OpenStackSettings.TempAuthUrl : OpenStackSettings.AuthUrl] = auth;
    }

    private static void Set(Dictionary<string, string> settings, string name, string? value)
    {
        if (value is not null)
        {
            settings[name] = value;
        }
    }
}
