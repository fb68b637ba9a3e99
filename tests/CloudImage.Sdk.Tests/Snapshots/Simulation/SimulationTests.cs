using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Collection;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots.Simulation;

/// <summary>
/// Captures, resumes, deletions, reads and collections by the real code, interleaved request by request. CLOUDIMAGE_SIMULATION_SECONDS says
/// how long (8 otherwise), CLOUDIMAGE_SIMULATION_SEED with which seed it begins.
/// </summary>
[Collection("alone")]
public sealed class SimulationTests
{
    private static readonly int s_seconds = Read("CLOUDIMAGE_SIMULATION_SECONDS", 8);
    private static readonly int s_firstSeed = Read("CLOUDIMAGE_SIMULATION_SEED", 1);

    [Fact]
    public Task Repository_AnyInterleaving_LosesNothingAndLeavesNothing() => RunAloneAsync(() =>
    {
        long startedAt = Stopwatch.GetTimestamp();
        int seed = s_firstSeed;
        int steps = 0;
        int commits = 0;
        int deletions = 0;
        int crashes = 0;
        int patches = 0;
        int traces = 0;
        int traced = 0;
        while (Stopwatch.GetElapsedTime(startedAt).TotalSeconds < s_seconds)
        {
            Simulation simulation = new(seed);
            simulation.Run();
            Assert.True(simulation.World.Violation is null, $"Seed {seed}: {simulation.World.Violation}{Environment.NewLine}{simulation.World.LastSteps}");
            (steps, commits, deletions, crashes) = (steps + simulation.World.Steps, commits + simulation.Commits, deletions + simulation.World.Deletions, crashes + simulation.World.Crashes);
            (patches, traces, traced) = (patches + simulation.World.Patches, traces + simulation.World.Traces, traced + simulation.Traced);
            seed++;
        }

        TestContext.Current.TestOutputHelper?.WriteLine(
            $"Seeds {s_firstSeed} to {seed - 1}: {steps} requests, {commits} snapshots committed, {deletions} objects deleted, {crashes} crashes, {patches} chunks read through patches in checks, {traces} traces kept, {traced} chunks fetched by them; nothing was lost, nothing was left.");
        Assert.True(commits > 0 && deletions > 0 && crashes > 0 && patches > 0 && traced > 0, $"{commits} commits, {deletions} deletions, {crashes} crashes, {patches} patches, {traces} traces.");
    });

    [Fact]
    public Task Simulation_SameSeed_TakesTheSameSteps() => RunAloneAsync(() =>
    {
        ulong[] traces = new ulong[2];
        for (int run = 0; run < traces.Length; run++)
        {
            Simulation simulation = new(4711);
            simulation.Run();
            Assert.Null(simulation.World.Violation);
            traces[run] = simulation.World.TraceHash;
        }

        Assert.Equal(traces[0], traces[1]);
    });

    private static int Read(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : otherwise;

    // On a thread that is none of the pool's, for the scheduler waits until that is idle.
    private static Task RunAloneAsync(Action run)
    {
        TaskCompletionSource completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ITestContext context = TestContext.Current;
        Thread thread = new(() =>
        {
            try
            {
                run();
                completion.SetResult();
            }
            catch (Exception exception)
            {
                completion.SetException(exception);
            }
        });
        thread.Start();
        Assert.NotNull(context);
        return completion.Task;
    }
}
