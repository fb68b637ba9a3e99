using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots.Simulation;

/// <summary>Tests that need the machine's thread pool for themselves.</summary>
[CollectionDefinition("alone", DisableParallelization = true)]
public sealed class RunsAlone;
