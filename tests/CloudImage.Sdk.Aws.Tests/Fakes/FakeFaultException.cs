using System;

namespace CloudImage.Sdk.Aws.Tests.Fakes;

/// <summary>What a fake service refuses a call with.</summary>
internal sealed class FakeFaultException(int status, string code, string message, string? reason = null) : Exception(message)
{
    public int Status { get; } = status;

    public string Code { get; } = code;

    public string? Reason { get; } = reason;
}
