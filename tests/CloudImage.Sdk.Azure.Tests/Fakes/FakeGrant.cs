namespace CloudImage.Sdk.Azure.Tests.Fakes;

/// <summary>A signed address that the resource manager has given out and not taken back.</summary>
internal sealed class FakeGrant(FakeManagedResource resource, string signature, bool canWrite)
{
    public FakeManagedResource Resource { get; } = resource;

    public string Signature { get; } = signature;

    public bool CanWrite { get; } = canWrite;
}
