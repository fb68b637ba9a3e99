using System.Threading.Tasks;

namespace CloudImage.Sdk.IO;

/// <summary>The one place that waits on a task: the synchronous door of something that can only work asynchronously.</summary>
internal static class SyncBridge
{
    /// <summary>Waits for a value.</summary>
    public static T Wait<T>(ValueTask<T> task) =>
        task.IsCompletedSuccessfully ? task.GetAwaiter().GetResult() : task.AsTask().GetAwaiter().GetResult();

    /// <summary>Waits for an end.</summary>
    public static void Wait(ValueTask task)
    {
        if (task.IsCompletedSuccessfully)
        {
            task.GetAwaiter().GetResult();
            return;
        }

        task.AsTask().GetAwaiter().GetResult();
    }

    /// <summary>Gives the task of a core method on; one that was called with <see cref="IoMode.Synchronous"/>, and ignored it, is waited for.</summary>
    public static ValueTask<T> Settle<T>(ValueTask<T> task, IoMode mode) =>
        mode == IoMode.Asynchronous || task.IsCompleted ? task : ValueTask.FromResult(Wait(task));

    /// <summary>Gives the task of a core method on; one that was called with <see cref="IoMode.Synchronous"/>, and ignored it, is waited for.</summary>
    public static ValueTask Settle(ValueTask task, IoMode mode)
    {
        if (mode == IoMode.Synchronous)
        {
            Wait(task);
            return ValueTask.CompletedTask;
        }

        return task;
    }

    /// <summary>Takes the result of a core method that was called with <see cref="IoMode.Synchronous"/>.</summary>
    public static T Completed<T>(ValueTask<T> task)
    {
        System.Diagnostics.Debug.Assert(task.IsCompleted, "A synchronous core method returned before it was done.");
        return Wait(task);
    }

    /// <summary>Takes the end of a core method that was called with <see cref="IoMode.Synchronous"/>.</summary>
    public static void Completed(ValueTask task)
    {
        System.Diagnostics.Debug.Assert(task.IsCompleted, "A synchronous core method returned before it was done.");
        Wait(task);
    }
}
