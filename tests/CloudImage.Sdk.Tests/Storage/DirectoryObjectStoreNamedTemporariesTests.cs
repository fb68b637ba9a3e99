using CloudImage.Sdk.IO;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Tests.Storage;

/// <summary>The same with temporary names, as on systems that have no files without a name; and with every flush.</summary>
public sealed class DirectoryObjectStoreNamedTemporariesTests : DirectoryObjectStoreTests
{
    internal override DirectoryObjectStoreOptions Options => new() { Durability = WriteDurability.Flush, UsesNamedTemporaries = true };

    protected override int RacedNames => 10;
}
