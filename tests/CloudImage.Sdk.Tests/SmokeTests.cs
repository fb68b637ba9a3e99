using Xunit;

namespace CloudImage.Sdk.Tests;

public sealed class SmokeTests
{
    [Fact]
    public void Two_AndTwo() => Assert.Equal(4, 2 + 2);
}
