using System;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots.Records;

namespace CloudImage.Sdk.Snapshots.Sessions;

/// <summary>Reads generations, and keeps those that cannot change any more. Thread-safe.</summary>
internal sealed class GenerationCache
{
    private readonly ConcurrentDictionary<long, Generation> _ended = new();

    /// <summary>Reads a generation whose cond was listed.</summary>
    /// <exception cref="RepositoryCorruptException">A record of it is missing or damaged.</exception>
    public async ValueTask<Generation> ReadAsync(RepositoryContext context, long number, bool isDone, CancellationToken cancellationToken)
    {
        if (_ended.TryGetValue(number, out Generation? known))
        {
            return known;
        }

        // The sweep may appear between the listing and this reading: it is asked for first, and the cond is what holds while it is missing.
        RefSet? sweep = await ReadSweepAsync(context, number, cancellationToken).ConfigureAwait(false);
        string name = ObjectNames.Generation(number, "cond");
        CondemnedRecord condemned = await context.TryReadRecordAsync(name, RecordKind.Condemned, cancellationToken).ConfigureAwait(false) is { } body
            ? CondemnedRecord.Read(name, body)
            : throw new RepositoryCorruptException(name, 0, "the generation was listed and its cond is missing.");
        Generation generation = new()
        {
            Number = number,
            IsDone = isDone,
            Condemned = condemned,
            Sweep = sweep,
            Moves = condemned.HasMoves ? await ReadMovesAsync(context, number, condemned, cancellationToken).ConfigureAwait(false) : null,
        };
        if (isDone && sweep is not null)
        {
            _ended.TryAdd(number, generation);
        }

        return generation;
    }

    /// <summary>Reads the sweep of a generation, or null where there is none.</summary>
    public static async ValueTask<RefSet?> ReadSweepAsync(RepositoryContext context, long number, CancellationToken cancellationToken)
    {
        string name = ObjectNames.Generation(number, "sweep");
        return await context.TryReadRecordAsync(name, RecordKind.Sweep, cancellationToken).ConfigureAwait(false) is { } body ? ReadSweep(name, body) : null;
    }

    /// <summary>Reads the body of a sweep.</summary>
    /// <exception cref="RepositoryCorruptException">It is none.</exception>
    public static RefSet ReadSweep(string name, ReadOnlyMemory<byte> body)
    {
        RecordReader reader = new(name, body.Span);
        RefSet sweep = RefSet.Read(ref reader);
        reader.End();
        return sweep;
    }

    private static async ValueTask<MovesRecord> ReadMovesAsync(RepositoryContext context, long number, CondemnedRecord condemned, CancellationToken cancellationToken)
    {
        string name = ObjectNames.Generation(number, "moves");
        byte[]? content = await context.TryReadObjectAsync(name, RecordFile.MaxBodyLength, cancellationToken).ConfigureAwait(false);
        return content is not null && SHA256.HashData(content).AsSpan().SequenceEqual(condemned.MovesHash.Span)
            ? MovesRecord.Read(name, RecordFile.Open(name, RecordKind.Moves, content))
            : throw new RepositoryCorruptException(name, 0, content is null ? "the moves that the condemnation names are missing." : "they are not the moves that the condemnation names.");
    }
}
