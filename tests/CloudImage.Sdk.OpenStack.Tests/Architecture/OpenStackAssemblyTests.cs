using CloudImage.Sdk.Tests.Architecture;

namespace CloudImage.Sdk.OpenStack.Tests.Architecture;

public sealed class OpenStackAssemblyTests : AdapterAssemblyTests
{
    protected override string AssemblyName => "CloudImage.Sdk.OpenStack";
}
