using System.Threading.Tasks;

namespace CloudImage.Sdk.GoogleCloud;

/// <summary>The one place here that waits on a task: the synchronous door of what only works over a network.</summary>
internal static class SyncDoor
{
    internal static T Wait<T>(ValueTask<T> task) =>
        task.IsCompletedSuccessfully ? task.GetAwaiter().GetResult() : task.AsTask().GetAwaiter().GetResult();

    internal static void Wait(ValueTask task)
    {
        if (task.IsCompletedSuccessfully)
        {
            task.GetAwaiter().GetResult();
            return;
        }

        task.AsTask().GetAwaiter().GetResult();
    }
}
