using System;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.GoogleCloud.Gcs;

/// <summary>How the service is reached, by the parameters of an address.</summary>
internal static class GcsAddress
{
    private const string EmulatorVariable = "STORAGE_EMULATOR_HOST";

    internal static GoogleCloudConnectionOptions Read(ObjectStoreAddress address)
    {
        Uri? endpoint = address.TakeUri("endpoint") ?? ReadEmulator();
        bool? isAnonymous = address.Take("auth") switch
        {
            null => null,
            "default" => false,
            "none" => true,
            string other => throw new FormatException($"Parameter auth is '{other}': default or none was expected."),
        };
        return endpoint is null
            ? new GoogleCloudConnectionOptions { IsAnonymous = isAnonymous }
            : new GoogleCloudConnectionOptions { Endpoint = endpoint, IsAnonymous = isAnonymous };
    }

    private static Uri? ReadEmulator()
    {
        if (Environment.GetEnvironmentVariable(EmulatorVariable) is not { Length: > 0 } text)
        {
            return null;
        }

        string address = text.Contains("://", StringComparison.Ordinal) ? text : $"http://{text}";
        return Uri.TryCreate(address, UriKind.Absolute, out Uri? endpoint) && endpoint.Scheme is "http" or "https"
            ? endpoint
            : throw new FormatException($"{EmulatorVariable} is no address: http://host:port was expected.");
    }
}
