using System;
using System.Collections.Generic;
using System.Runtime.ExceptionServices;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.IO;

/// <summary>Runs one body several times side by side: on threads of its own when it blocks, as tasks when it awaits.</summary>
/// <remarks>The first failure cancels the others and is what the caller sees.</remarks>
internal sealed class ParallelWork : IDisposable
{
    private readonly Func<IoMode, CancellationToken, ValueTask> _body;
    private readonly CancellationTokenSource _stop;
    private readonly CancellationToken _outer;
    private ExceptionDispatchInfo? _failure;

    private ParallelWork(Func<IoMode, CancellationToken, ValueTask> body, CancellationToken cancellationToken)
    {
        _body = body;
        _outer = cancellationToken;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
    }

    /// <summary>Runs the body on the calling thread and further ones, and returns when all have ended.</summary>
    public static void Run(int count, Func<IoMode, CancellationToken, ValueTask> body, CancellationToken cancellationToken)
    {
        using ParallelWork work = new(body, cancellationToken);
        List<Thread> threads = [];
        for (int index = 1; index < count; index++)
        {
            threads.Add(Start(work.RunBlocking, index));
        }

        work.RunBlocking();
        threads.ForEach(static thread => thread.Join());
        work.Finish();
    }

    /// <summary>Runs the body on threads of its own, for local input and output, or as tasks.</summary>
    public static async Task RunAsync(int count, bool isBlocking, Func<IoMode, CancellationToken, ValueTask> body, CancellationToken cancellationToken)
    {
        using ParallelWork work = new(body, cancellationToken);
        Task[] tasks = new Task[count];
        for (int index = 0; index < count; index++)
        {
            tasks[index] = isBlocking ? StartAsTask(work.RunBlocking, index) : work.RunAwaitingAsync();
        }

        await Task.WhenAll(tasks).ConfigureAwait(false);
        work.Finish();
    }

    public void Dispose() => _stop.Dispose();

    private static Thread Start(Action action, int index)
    {
        Thread thread = new(() => action()) { IsBackground = true, Name = $"CloudImage worker {index}" };
        thread.Start();
        return thread;
    }

    private static Task StartAsTask(Action action, int index)
    {
        TaskCompletionSource end = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Start(
            () =>
            {
                action();
                end.SetResult();
            },
            index);
        return end.Task;
    }

    private void RunBlocking()
    {
        try
        {
            SyncBridge.Completed(_body(IoMode.Synchronous, _stop.Token));
        }
#pragma warning disable CA1031 // Kept, and thrown to the caller by Finish.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Fail(exception);
        }
    }

    private async Task RunAwaitingAsync()
    {
        try
        {
            await Task.Yield();
            await _body(IoMode.Asynchronous, _stop.Token).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Kept, and thrown to the caller by Finish.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Fail(exception);
        }
    }

    private void Fail(Exception exception)
    {
        // Cancellation that a failure has caused is not the failure.
        if (exception is OperationCanceledException && _stop.IsCancellationRequested && !_outer.IsCancellationRequested)
        {
            return;
        }

        Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(exception), null);
        _stop.Cancel();
    }

    private void Finish() => _failure?.Throw();
}
