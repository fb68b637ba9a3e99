using System;
using System.Buffers;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Storage;

/// <summary>Makes the calls of another store again when they fail for a reason that may pass.</summary>
/// <remarks>
/// <para>A creation whose answer was lost may have happened. When a later attempt finds the name taken, the object is read:
/// if it holds exactly the content of the call, the call succeeded. Two callers that create the same content under one name may
/// thus both be told that they did; where that matters, the content has to name its creator.</para>
/// <para>Waits between attempts are random up to a bound that doubles, and no shorter than the service asked for. Every member may be called from several threads at
/// once. Owns the store that it wraps.</para>
/// </remarks>
public sealed class RetryingObjectStore : DelegatingObjectStore
{
    private const int ComparedLength = 1 << 20;

    private readonly ObjectRetryOptions _options;

    /// <summary>Wraps a store.</summary>
    /// <param name="inner">The store, which this one owns from now on.</param>
    /// <param name="options">How often it tries.</param>
    public RetryingObjectStore(ObjectStore inner, ObjectRetryOptions options)
        : base(inner)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _options = options;
    }

    /// <summary>Opens a store, again when that fails for a reason that may pass, and wraps it.</summary>
    /// <param name="open">Opens the store.</param>
    /// <param name="options">How often it tries, and how often the store does later.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The store, which the caller owns.</returns>
    /// <exception cref="ObjectStoreException">It could not be opened.</exception>
    public static async ValueTask<RetryingObjectStore> OpenAsync(Func<CancellationToken, ValueTask<ObjectStore>> open, ObjectRetryOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(open);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                return new RetryingObjectStore(await open(cancellationToken).ConfigureAwait(false), options);
            }
            catch (ObjectStoreException exception) when (MayRetry(exception, attempt, options))
            {
                await DelayAsync(exception, attempt, options, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask<bool> TryCreateCoreAsync(string name, ReadOnlyMemory<byte> content, ObjectCreateOptions options, CancellationToken cancellationToken)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                bool isCreated = await Inner.TryCreateAsync(name, content, options, cancellationToken).ConfigureAwait(false);
                return isCreated || (attempt > 1 && await HoldsAsync(name, content, cancellationToken).ConfigureAwait(false));
            }
            catch (ObjectStoreException exception) when (MayRetry(exception, attempt, _options))
            {
                await DelayAsync(exception, attempt, _options, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <inheritdoc/>
    /// <remarks>A store that passes parts on at once cannot be asked to take them again: there, only the beginning is tried again.</remarks>
    protected override async ValueTask<ObjectUpload> BeginCreateCoreAsync(string name, ObjectCreateOptions options, CancellationToken cancellationToken)
    {
        if (!Inner.Capabilities.StreamsUploads)
        {
            return new BufferedObjectUpload(this, name, options);
        }

        return await RunAsync(
            (Store: Inner, name, options),
            static (state, mode, token) => state.Store.BeginCreateAsync(state.name, state.options, token),
            IoMode.Asynchronous,
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override ValueTask<int> ReadCoreAsync(string name, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken) =>
        RunAsync(
            (Store: Inner, name, buffer, offset),
            static (state, mode, token) => state.Store.ReadAsync(state.name, state.buffer, state.offset, mode, token),
            mode,
            cancellationToken);

    /// <inheritdoc/>
    protected override ValueTask<ObjectInfo?> GetInfoCoreAsync(string name, IoMode mode, CancellationToken cancellationToken) =>
        RunAsync((Store: Inner, name), static (state, mode, token) => state.Store.GetInfoAsync(state.name, mode, token), mode, cancellationToken);

    /// <inheritdoc/>
    /// <remarks>A listing that breaks off goes on after the last name that it told.</remarks>
    protected override async IAsyncEnumerable<ObjectInfo> ListCoreAsync(string prefix, string? startAfter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        IAsyncEnumerator<ObjectInfo>? listing = null;
        try
        {
            int attempt = 1;
            while (true)
            {
                listing ??= Inner.ListAsync(prefix, startAfter, cancellationToken).GetAsyncEnumerator(cancellationToken);
                ObjectInfo info;
                try
                {
                    if (!await listing.MoveNextAsync().ConfigureAwait(false))
                    {
                        yield break;
                    }

                    info = listing.Current;
                }
                catch (ObjectStoreException exception) when (MayRetry(exception, attempt, _options))
                {
                    await listing.DisposeAsync().ConfigureAwait(false);
                    listing = null;
                    await DelayAsync(exception, attempt++, _options, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
                    continue;
                }

                attempt = 1;
                startAfter = info.Name;
                yield return info;
            }
        }
        finally
        {
            if (listing is not null)
            {
                await listing.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask DeleteCoreAsync(IReadOnlyList<string> names, CancellationToken cancellationToken) =>
        await RunAsync(
            (Store: Inner, names),
            static async (state, mode, token) =>
            {
                await state.Store.DeleteAsync(state.names, token).ConfigureAwait(false);
                return true;
            },
            IoMode.Asynchronous,
            cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    protected override async ValueTask FlushCoreAsync(CancellationToken cancellationToken) =>
        await RunAsync(
            Inner,
            static async (store, mode, token) =>
            {
                await store.FlushAsync(token).ConfigureAwait(false);
                return true;
            },
            IoMode.Asynchronous,
            cancellationToken).ConfigureAwait(false);

    private async ValueTask<T> RunAsync<TState, T>(TState state, Func<TState, IoMode, CancellationToken, ValueTask<T>> call, IoMode mode, CancellationToken cancellationToken)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                return await call(state, mode, cancellationToken).ConfigureAwait(false);
            }
            catch (ObjectStoreException exception) when (MayRetry(exception, attempt, _options))
            {
                await DelayAsync(exception, attempt, _options, mode, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private static bool MayRetry(ObjectStoreException exception, int attempt, ObjectRetryOptions options) => exception.IsTransient && attempt < options.MaximumAttempts;

    private static async ValueTask DelayAsync(ObjectStoreException exception, int attempt, ObjectRetryOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        double bound = Math.Min(options.MaximumDelay.TotalMilliseconds, options.FirstDelay.TotalMilliseconds * Math.Pow(2, attempt - 1));
        TimeSpan delay = TimeSpan.FromMilliseconds(RandomNumberGenerator.GetInt32((int)Math.Max(1, bound)));
        if (exception.RetryAfter is { } asked && asked > delay)
        {
            delay = asked < options.MaximumDelay ? asked : options.MaximumDelay;
        }

        if (mode == IoMode.Synchronous)
        {
            cancellationToken.WaitHandle.WaitOne(delay);
            cancellationToken.ThrowIfCancellationRequested();
            return;
        }

        await Task.Delay(delay, options.TimeProvider, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<bool> HoldsAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        ObjectInfo? info = await GetInfoCoreAsync(name, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
        if (info is null || info.Length != content.Length)
        {
            return false;
        }

        byte[] buffer = ArrayPool<byte>.Shared.Rent(ComparedLength);
        try
        {
            for (int offset = 0; offset < content.Length;)
            {
                int wanted = Math.Min(ComparedLength, content.Length - offset);
                int count = await ReadCoreAsync(name, buffer.AsMemory(0, wanted), offset, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
                if (count != wanted || !buffer.AsSpan(0, count).SequenceEqual(content.Span.Slice(offset, count)))
                {
                    return false;
                }

                offset += count;
            }

            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
