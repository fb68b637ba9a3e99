using System.IO;

namespace CloudImage.Sdk.Tests.Support;

/// <summary>The power failed, in a test.</summary>
public sealed class FaultException : IOException
{
    public FaultException()
        : base("The power failed.")
    {
    }
}
