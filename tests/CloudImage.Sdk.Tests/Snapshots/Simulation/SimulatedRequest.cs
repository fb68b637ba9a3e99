using System;
using System.Threading.Tasks;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Tests.Snapshots.Simulation;

/// <summary>A request on its way to the simulated store.</summary>
internal abstract class SimulatedRequest(SimulatedProcess process, string text)
{
    public SimulatedProcess Process { get; } = process;

    /// <summary>What it asks, as the trace shows it; requests of one process are told apart and ordered by it.</summary>
    public string Text { get; } = text;

    /// <summary>Whether it changes anything, so that it matters when it arrives late.</summary>
    public bool IsWrite { get; init; }

    /// <summary>Does to the store what is asked.</summary>
    public abstract void Apply();

    /// <summary>Hands the result of the last <see cref="Apply"/> to the process.</summary>
    public abstract void Answer();

    public abstract void Fail(Exception exception);
}

/// <summary>A request with a result.</summary>
internal sealed class SimulatedRequest<T>(SimulatedProcess process, string text, Func<T> apply) : SimulatedRequest(process, text)
{
    private readonly TaskCompletionSource<T> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private T? _result;
    private Exception? _fault;

    public Task<T> Task => _completion.Task;

    public override void Apply()
    {
        _fault = null;
        try
        {
            _result = apply();
        }
        catch (ObjectNotFoundException exception)
        {
            _fault = exception;
        }
    }

    public override void Answer()
    {
        if (_fault is not null)
        {
            _completion.TrySetException(_fault);
        }
        else
        {
            _completion.TrySetResult(_result!);
        }
    }

    public override void Fail(Exception exception) => _completion.TrySetException(exception);
}
