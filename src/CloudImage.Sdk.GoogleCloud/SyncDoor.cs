using System.Threading.Tasks;

namespace CloudImage.Sdk.GoogleCloud;

/// <summary>The one place here that waits on a task: disposal through the synchronous door has to end what a service still holds.</summary>
internal static class SyncDoor
{
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
