using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using Xunit;

namespace CloudImage.Sdk.Tests.Architecture;

/// <summary>What every adapter keeps: it knows the core and its vendor's packages, and no other adapter. Each adapter's tests derive from it.</summary>
public abstract class AdapterAssemblyTests
{
    /// <summary>Name of the adapter's assembly, which is its namespace too.</summary>
    protected abstract string AssemblyName { get; }

    [Fact]
    public void Adapter_ReferencesNoOtherAdapter()
    {
        IEnumerable<string> references = Assembly.Load(AssemblyName).GetReferencedAssemblies().Select(static name => name.Name!);
        Assert.DoesNotContain(references, name => name.StartsWith("CloudImage.", StringComparison.Ordinal) && name != "CloudImage.Sdk");
    }

    [Fact]
    public void PublicTypes_LiveInTheAdaptersNamespace()
    {
        IEnumerable<string> wrong = Assembly.Load(AssemblyName).GetExportedTypes()
            .Where(type => type.Namespace != AssemblyName && !type.Namespace!.StartsWith(AssemblyName + ".", StringComparison.Ordinal))
            .Select(static type => type.FullName!);
        Assert.Empty(wrong);
    }
}
