using System;

namespace CloudImage.Sdk.Tests.Support;

/// <summary>The machine went down in the middle of a call. Nothing in the library may handle it.</summary>
public sealed class SimulatedCrashException : Exception
{
    public SimulatedCrashException()
        : this("The machine went down.")
    {
    }

    public SimulatedCrashException(string message)
        : base(message)
    {
    }

    public SimulatedCrashException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
