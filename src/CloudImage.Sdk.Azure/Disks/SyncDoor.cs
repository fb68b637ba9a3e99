using System.Threading.Tasks;

namespace CloudImage.Sdk.Azure.Disks;

/// <summary>The one place for disks that waits on a task: disposal through the synchronous door has to end what a service still holds.</summary>
internal static class SyncDoor
{
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
