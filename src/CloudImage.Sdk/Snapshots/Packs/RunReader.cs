using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots.Packs;

/// <summary>
/// Reads small pieces that lie beside each other, such as the nodes of a tree: who reads on where the piece before ended gets, from a store that is not
/// on this machine, twice as much as the time before, up to 1 MiB. Thread-safe.
/// </summary>
/// <remarks>
/// A request to a distant store costs as much as hundreds of kilobytes, and a walk through a tree asks for one node after the other. Jumps are not
/// followed: they read what was asked for. Of the few objects read last one run each is kept; objects never change, so that what was read stays right.
/// </remarks>
internal sealed class RunReader
{
    private const int FirstLength = 32 << 10;
    private const int MaxLength = 1 << 20;
    private const int MaxGap = 64 << 10;
    private const int MaxRuns = 8;
    private readonly ObjectStore _store;
    private readonly Lock _lock = new();
    private readonly LinkedList<Run> _runs = new();
    private readonly Dictionary<string, Flight> _flights = new(StringComparer.Ordinal);

    public RunReader(ObjectStore store) => _store = store;

    /// <summary>Reads a range that must be there.</summary>
    /// <exception cref="RepositoryCorruptException">The object is missing or ends within the range.</exception>
    public async ValueTask ReadExactlyAsync(string name, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        if (_store.Capabilities.IsLocal || buffer.Length >= MaxLength)
        {
            await PackReader.ReadExactlyAsync(_store, name, buffer, offset, mode, cancellationToken).ConfigureAwait(false);
            return;
        }

        if (TryCopy(name, buffer.Span, offset, out int length, out Flight? flight))
        {
            return;
        }

        // Somebody reads on over this range already. Where that fails, this reader finds out for itself.
        if (flight is not null)
        {
            await SyncBridge.Settle(new ValueTask(flight.Ended.Task.WaitAsync(cancellationToken)), mode).ConfigureAwait(false);
            if (TryCopy(name, buffer.Span, offset, out length, out _))
            {
                return;
            }
        }

        flight = length > 0 ? TryBegin(name, offset, length) : null;
        try
        {
            await ReadAsync(name, buffer, offset, flight?.Length ?? 0, mode, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            if (flight is not null)
            {
                End(name, flight);
            }
        }
    }

    /// <summary>Lets go of what was read of an object: it turned out to be damaged, and perhaps only on its way.</summary>
    public void Forget(string name)
    {
        lock (_lock)
        {
            Remove(name);
        }
    }

    private async ValueTask ReadAsync(string name, Memory<byte> buffer, long offset, int length, IoMode mode, CancellationToken cancellationToken)
    {
        byte[] piece = GC.AllocateUninitializedArray<byte>(Math.Max(buffer.Length, length));
        int count = await PackReader.ReadAtLeastAsync(_store, name, piece, buffer.Length, offset, mode, cancellationToken).ConfigureAwait(false);
        piece.AsSpan(0, buffer.Length).CopyTo(buffer.Span);
        Keep(new Run(name, piece, offset, count));
    }

    /// <summary>Takes a range from the run of its object.</summary>
    /// <param name="name">The object.</param>
    /// <param name="target">Receives the range.</param>
    /// <param name="offset">Where it begins.</param>
    /// <param name="length">How much is to be read on where it goes on from the run; zero where it is a jump.</param>
    /// <param name="flight">Who reads the range already, or null.</param>
    private bool TryCopy(string name, Span<byte> target, long offset, out int length, out Flight? flight)
    {
        lock (_lock)
        {
            length = 0;
            if (_flights.TryGetValue(name, out flight) && (offset < flight.Offset || offset + target.Length > flight.Offset + flight.Length))
            {
                flight = null;
            }

            if (Find(name)?.Value is not { } run)
            {
                return false;
            }

            if (offset >= run.Offset && offset + target.Length <= run.End)
            {
                run.Piece.AsSpan((int)(offset - run.Offset), target.Length).CopyTo(target);
                return true;
            }

            length = offset >= run.Offset && offset <= run.End + MaxGap ? Math.Clamp(2 * run.Piece.Length, FirstLength, MaxLength) : 0;
            return false;
        }
    }

    // Null where somebody reads on in this object already, elsewhere.
    private Flight? TryBegin(string name, long offset, int length)
    {
        Flight flight = new(offset, length);
        lock (_lock)
        {
            return _flights.TryAdd(name, flight) ? flight : null;
        }
    }

    private void End(string name, Flight flight)
    {
        lock (_lock)
        {
            _flights.Remove(name);
        }

        flight.Ended.SetResult();
    }

    private void Keep(Run run)
    {
        lock (_lock)
        {
            Remove(run.Name);
            _runs.AddFirst(run);
            if (_runs.Count > MaxRuns)
            {
                _runs.RemoveLast();
            }
        }
    }

    private void Remove(string name)
    {
        if (Find(name) is { } node)
        {
            _runs.Remove(node);
        }
    }

    private LinkedListNode<Run>? Find(string name)
    {
        LinkedListNode<Run>? node = _runs.First;
        while (node is not null && node.Value.Name != name)
        {
            node = node.Next;
        }

        return node;
    }

    private sealed record Run(string Name, byte[] Piece, long Offset, int Count)
    {
        public long End => Offset + Count;
    }

    private sealed record Flight(long Offset, int Length)
    {
        public TaskCompletionSource Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
