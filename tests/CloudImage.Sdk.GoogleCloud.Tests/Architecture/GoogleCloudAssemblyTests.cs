using CloudImage.Sdk.Tests.Architecture;

namespace CloudImage.Sdk.GoogleCloud.Tests.Architecture;

public sealed class GoogleCloudAssemblyTests : AdapterAssemblyTests
{
    protected override string AssemblyName => "CloudImage.Sdk.GoogleCloud";
}
