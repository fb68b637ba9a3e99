using System;
using System.Threading.Tasks;

namespace CloudImage.Sdk.Tests.Snapshots.Simulation;

/// <summary>A process that uses the repository: what it does runs in a task, and stops at each request until the scheduler lets it go on.</summary>
internal sealed class SimulatedProcess(string name)
{
    public string Name { get; } = name;

    /// <summary>The content that it captures now: what a fate created by it stands for.</summary>
    public byte[] Content { get; set; } = [];

    public bool HasCrashed { get; set; }

    public Task Task { get; set; } = Task.CompletedTask;

    /// <summary>What it did that it must not; null for nothing.</summary>
    public Exception? Fault { get; set; }

    public Random Random { get; init; } = new(0);
}
