using System;
using System.Collections.Generic;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Aws.Ebs;

/// <content>The end of an upload.</content>
public sealed partial class EbsSnapshotWriter
{
    private static readonly TimeSpan s_firstPoll = TimeSpan.FromMilliseconds(100);

    // An answer that was lost is waited for so long; then the refusal of the repeated call is believed.
    private static readonly TimeSpan s_doubtTimeout = TimeSpan.FromMinutes(2);

    /// <inheritdoc/>
    protected override async ValueTask CompleteCoreAsync(IoMode mode, CancellationToken cancellationToken)
    {
        int[] partial = _partials.Indexes;
        await ForEachAsync(partial.Length, index => FinishAsync(partial[index], cancellationToken)).ConfigureAwait(false);
        await TakeBackAsync(cancellationToken).ConfigureAwait(false);
        (int count, ContentDigest linear) = Sum();
        _ledger.BeginCompletion();
        EbsException? doubt = await AskForCompletionAsync(count, linear, cancellationToken).ConfigureAwait(false);
        if (doubt is not null || _options.WaitsForCompletion)
        {
            await WaitAsync(doubt, cancellationToken).ConfigureAwait(false);
        }

        _ledger.Delete();
    }

    // Fills the gaps of a block that was written in parts.
    private async ValueTask FinishAsync(int block, CancellationToken cancellationToken)
    {
        (byte[] buffer, IReadOnlyList<(int Start, int End)> gaps, bool restIsZero) = _partials.Take(block);
        if (_parent is not null && !restIsZero)
        {
            byte[] parent = await ReadParentAsync(block, cancellationToken).ConfigureAwait(false);
            foreach ((int start, int end) in gaps)
            {
                parent.AsSpan(start, end - start).CopyTo(buffer.AsSpan(start));
            }

            if (!_ledger.IsKnown(block) && parent.AsSpan().SequenceEqual(buffer))
            {
                return;
            }
        }
        else
        {
            foreach ((int start, int end) in gaps)
            {
                buffer.AsSpan(start, end - start).Clear();
            }
        }

        await WriteWholeAsync(block, buffer, cancellationToken).ConfigureAwait(false);
    }

    // What an earlier run sent and this one did not write must show what it would without having been sent.
    private async ValueTask TakeBackAsync(CancellationToken cancellationToken)
    {
        for (int block = _ledger.NextKnown(0); block < _blockCount; block = _ledger.NextKnown(block + 1))
        {
            if (_touched[block])
            {
                continue;
            }

            byte[] content = _parent is null ? new byte[EbsConstants.BlockSize] : await ReadParentAsync(block, cancellationToken).ConfigureAwait(false);
            await SendAsync(block, content, new ContentDigest(SHA256.HashData(content)), cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask<byte[]> ReadParentAsync(int block, CancellationToken cancellationToken)
    {
        byte[] content = new byte[EbsConstants.BlockSize];
        long offset = (long)block * EbsConstants.BlockSize;
        if (offset < _parent!.Length)
        {
            await _parent.ReadAsync(content, offset, cancellationToken).ConfigureAwait(false);
        }

        return content;
    }

    private (int Count, ContentDigest Linear) Sum()
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> digest = stackalloc byte[ContentDigest.SizeInBytes];
        int count = 0;
        for (int block = _ledger.NextKnown(0); block < _blockCount; block = _ledger.NextKnown(block + 1))
        {
            ContentDigest acknowledged = _ledger.Find(block)
                ?? throw new EbsException($"Block {block} of {SnapshotId} was not written: its write failed before. Write it again, then complete.");
            acknowledged.CopyTo(digest);
            hash.AppendData(digest);
            count++;
        }

        hash.GetHashAndReset(digest);
        return (count, new ContentDigest(digest));
    }

    // Null: the service took it. A refusal that may only mean that it had taken it before comes back as a doubt.
    private async ValueTask<EbsException?> AskForCompletionAsync(int count, ContentDigest linear, CancellationToken cancellationToken)
    {
        try
        {
            return await _client.CompleteSnapshotAsync(SnapshotId, count, linear, _mayBeUnknownUntil, cancellationToken).ConfigureAwait(false);
        }
        catch (EbsException exception) when (_ledger.WasCompleting && exception.Code == "ValidationException")
        {
            return exception;
        }
    }

    private async ValueTask WaitAsync(EbsException? doubt, CancellationToken cancellationToken)
    {
        long begun = _client.Time.GetTimestamp();
        TimeSpan limit = doubt is not null && s_doubtTimeout < _options.CompletionTimeout ? s_doubtTimeout : _options.CompletionTimeout;
        TimeSpan pause = s_firstPoll < _options.CompletionPollInterval ? s_firstPoll : _options.CompletionPollInterval;
        while (true)
        {
            try
            {
                await _client.ListBlocksAsync(SnapshotId, 0, null, EbsConstants.MinPageLength, cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (EbsException exception) when (exception.Code == "ValidationException")
            {
                if (_client.Time.GetElapsedTime(begun) >= limit)
                {
                    throw doubt ?? new EbsException(
                        $"{SnapshotId} was completed and cannot be read after {limit}: {exception.Message} Look at its state in EC2; it may still become readable.", exception);
                }
            }

            await Task.Delay(pause, _client.Time, cancellationToken).ConfigureAwait(false);
            pause = pause * 2 < _options.CompletionPollInterval ? pause * 2 : _options.CompletionPollInterval;
        }
    }
}
