using CloudImage.Sdk.Tests.Architecture;

namespace CloudImage.Sdk.Azure.Tests.Architecture;

public sealed class AzureAssemblyTests : AdapterAssemblyTests
{
    protected override string AssemblyName => "CloudImage.Sdk.Azure";
}
