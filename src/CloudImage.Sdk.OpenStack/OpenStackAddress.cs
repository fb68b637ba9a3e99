using System;
using System.Collections.Generic;

namespace CloudImage.Sdk.OpenStack;

/// <summary>What the parameters of an address change in the settings of the environment.</summary>
internal static class OpenStackAddress
{
    internal static void Apply(Dictionary<string, string> settings, string? auth, Uri? endpoint, string endpointName, string? region, string? interfaceName)
    {
        switch (auth)
        {
            case null:
                break;
            case "none":
                settings["auth_type"] = "none";
                break;
            default:
                ApplyAuth(settings, auth);
                break;
        }

        Set(settings, endpointName, endpoint?.ToString());
        Set(settings, "region_name", region);
        Set(settings, "interface", interfaceName);
    }

    /// <summary>Makes the options; what is missing is the address's or the environment's fault.</summary>
    internal static OpenStackConnectionOptions Read(Dictionary<string, string> settings)
    {
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
