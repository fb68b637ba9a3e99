using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Snapshots;

/// <summary>A bounded cache of what is expensive to load: the least recently used goes first, and each value is loaded once however many ask for it.</summary>
/// <remarks>Thread-safe. A failed load is not kept: everyone who waited for it fails, the next one tries again.</remarks>
internal sealed class FlightCache<TKey, TValue>
    where TKey : notnull
    where TValue : class
{
    private readonly Lock _lock = new();
    private readonly Dictionary<TKey, LinkedListNode<(TKey Key, TValue Value, long Weight)>> _entries = [];
    private readonly LinkedList<(TKey Key, TValue Value, long Weight)> _order = new();
    private readonly Dictionary<TKey, TaskCompletionSource<TValue>> _flights = [];
    private readonly Func<TValue, long> _weigh;
    private readonly long _capacity;
    private long _weight;

    public FlightCache(long capacity, Func<TValue, long> weigh)
    {
        _capacity = capacity;
        _weigh = weigh;
    }

    public bool TryGet(TKey key, [NotNullWhen(true)] out TValue? value)
    {
        lock (_lock)
        {
            if (_entries.TryGetValue(key, out LinkedListNode<(TKey Key, TValue Value, long Weight)>? node))
            {
                if (_order.First != node)
                {
                    _order.Remove(node);
                    _order.AddFirst(node);
                }

                value = node.Value.Value;
                return true;
            }
        }

        value = null;
        return false;
    }

    /// <summary>Keeps a value that was loaded elsewhere.</summary>
    public void Put(TKey key, TValue value)
    {
        lock (_lock)
        {
            Add(key, value);
        }
    }

    /// <summary>Takes the value from the cache, waits for whoever loads it, or loads it.</summary>
    public ValueTask<TValue> GetAsync<TState>(
        TKey key, TState state, Func<TKey, TState, IoMode, CancellationToken, ValueTask<TValue>> load, IoMode mode, CancellationToken cancellationToken)
    {
        if (TryGet(key, out TValue? value))
        {
            return ValueTask.FromResult(value);
        }

        TaskCompletionSource<TValue>? flight;
        lock (_lock)
        {
            // It may have been added between the look above and this lock.
            if (_entries.TryGetValue(key, out LinkedListNode<(TKey Key, TValue Value, long Weight)>? node))
            {
                return ValueTask.FromResult(node.Value.Value);
            }

            if (!_flights.TryGetValue(key, out flight))
            {
                _flights.Add(key, new TaskCompletionSource<TValue>(TaskCreationOptions.RunContinuationsAsynchronously));
            }
        }

        if (flight is null)
        {
            return LoadAsync(key, state, load, mode, cancellationToken);
        }

        return SyncBridge.Settle(new ValueTask<TValue>(flight.Task.WaitAsync(cancellationToken)), mode);
    }

    /// <summary>Announces that the caller will load a value: others wait for it.</summary>
    /// <returns>False where the value is there or somebody loads it already.</returns>
    public bool TryReserve(TKey key)
    {
        lock (_lock)
        {
            return !_entries.ContainsKey(key) && _flights.TryAdd(key, new TaskCompletionSource<TValue>(TaskCreationOptions.RunContinuationsAsynchronously));
        }
    }

    /// <summary>Ends a reservation with its value.</summary>
    public void Complete(TKey key, TValue value)
    {
        TaskCompletionSource<TValue> flight;
        lock (_lock)
        {
            _flights.Remove(key, out flight!);
            Add(key, value);
        }

        flight.SetResult(value);
    }

    /// <summary>Ends a reservation without a value.</summary>
    public void Fail(TKey key, Exception exception)
    {
        TaskCompletionSource<TValue> flight;
        lock (_lock)
        {
            _flights.Remove(key, out flight!);
        }

        // One reader's cancellation is no answer for the others: they are told to try again.
        flight.SetException(exception is OperationCanceledException
            ? new SnapshotRepositoryException("The reader that loaded the range was cancelled.", exception) { IsTransient = true }
            : exception);
        _ = flight.Task.Exception;
    }

    private async ValueTask<TValue> LoadAsync<TState>(
        TKey key, TState state, Func<TKey, TState, IoMode, CancellationToken, ValueTask<TValue>> load, IoMode mode, CancellationToken cancellationToken)
    {
        TValue value;
        try
        {
            value = await load(key, state, mode, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            Fail(key, exception);
            throw;
        }

        Complete(key, value);
        return value;
    }

    private void Add(TKey key, TValue value)
    {
        if (_entries.Remove(key, out LinkedListNode<(TKey Key, TValue Value, long Weight)>? old))
        {
            _order.Remove(old);
            _weight -= old.Value.Weight;
        }

        long weight = _weigh(value);
        _entries.Add(key, _order.AddFirst((key, value, weight)));
        _weight += weight;
        while (_weight > _capacity && _order.Last is { } last && last != _order.First)
        {
            _order.RemoveLast();
            _entries.Remove(last.Value.Key);
            _weight -= last.Value.Weight;
        }
    }
}
