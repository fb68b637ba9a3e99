using System.Threading.Tasks;

namespace CloudImage.Sdk.Azure.Disks;

/// <summary>The one place for disks that waits on a task: the synchronous door of what only works over a network.</summary>
internal static class SyncDoor
{
    public static T Wait<T>(ValueTask<T> task) =>
        task.IsCompletedSuccessfully ? task.GetAwaiter().GetResult() : task.AsTask().GetAwaiter().GetResult();

    public static void Wait(ValueTask task)
    {
        if (task.IsCompletedSuccessfully)
        {
            task.GetAwaiter().GetResult();
            return;
        }

        task.AsTask().GetAwaiter().GetResult();
    }
}
