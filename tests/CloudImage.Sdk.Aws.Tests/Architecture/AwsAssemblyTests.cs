using CloudImage.Sdk.Tests.Architecture;

namespace CloudImage.Sdk.Aws.Tests.Architecture;

public sealed class AwsAssemblyTests : AdapterAssemblyTests
{
    protected override string AssemblyName => "CloudImage.Sdk.Aws";
}
