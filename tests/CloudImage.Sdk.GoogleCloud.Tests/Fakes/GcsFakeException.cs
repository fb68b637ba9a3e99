using System;

namespace CloudImage.Sdk.GoogleCloud.Tests.Fakes;

/// <summary>A request that the fake refuses, as the service would.</summary>
internal sealed class GcsFakeException(int status, string reason, string message) : Exception(message)
{
    public int Status { get; } = status;

    public string Reason { get; } = reason;
}
