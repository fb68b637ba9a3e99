using System;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.Snapshots.Capture;

/// <summary>Decides what of a new tree is taken over and what has to be read. One user at a time.</summary>
internal interface ICapturePlanner : IAsyncDisposable
{
    /// <summary>Plans the whole disk.</summary>
    /// <param name="emit">Takes the items in the order of the disk; waits while too many are under way.</param>
    /// <param name="cancellationToken">Ends the planning.</param>
    public Task RunAsync(Func<CaptureItem, CancellationToken, ValueTask> emit, CancellationToken cancellationToken);
}
