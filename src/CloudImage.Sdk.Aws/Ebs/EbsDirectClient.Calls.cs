using System;
using System.Buffers;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net.Http;
using System.Security.Cryptography;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Hashing;

namespace CloudImage.Sdk.Aws.Ebs;

/// <content>The six calls of the protocol.</content>
public sealed partial class EbsDirectClient
{
    private const int MaxAnswerLength = 1 << 20;
    private const int MaxPageBytes = 16 << 20;

    /// <summary>Begins a snapshot. The same client token begins it once, however often it is asked.</summary>
    /// <returns>Id of the snapshot.</returns>
    internal ValueTask<string> StartSnapshotAsync(EbsStartRequest request, CancellationToken cancellationToken)
    {
        byte[] body = Write(request);
        EbsCall call = new()
        {
            Operation = EbsOperation.StartSnapshot,
            Method = HttpMethod.Post,
            Path = "/snapshots",
            Subject = $"a volume of {request.VolumeSize} GiB{(request.ParentSnapshotId is null ? null : $" on {request.ParentSnapshotId}")}",
            Body = body,
            BodyDigest = Convert.ToHexStringLower(SHA256.HashData(body)),
            ContentType = "application/json",
        };
        return SendAsync(
            call,
            0,
            static async (response, call, _, token) =>
            {
                using JsonDocument answer = await ReadJsonAsync(response, call, token).ConfigureAwait(false);
                string? id = Text(answer.RootElement, "SnapshotId");
                return id is not null && EbsConstants.IsSnapshotId(id) && HasOurBlockSize(answer.RootElement)
                    ? id
                    : throw new EbsException($"{call.Operation} of {call.Subject} was answered without an id of a snapshot, or with blocks of another size than {EbsConstants.BlockSize}. The endpoint may not be EBS direct.");
            },
            cancellationToken);
    }

    /// <summary>Writes a block; once more is the same as once.</summary>
    /// <param name="snapshotId">The pending snapshot.</param>
    /// <param name="blockIndex">Which block.</param>
    /// <param name="block">Its bytes, which are not touched until the task ends.</param>
    /// <param name="digest">Their SHA-256.</param>
    /// <param name="mayBeUnknownUntil">Until when the snapshot may not be known yet: see <see cref="AppearanceDeadline"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    internal async ValueTask PutBlockAsync(string snapshotId, int blockIndex, ReadOnlyMemory<byte> block, ContentDigest digest, long mayBeUnknownUntil, CancellationToken cancellationToken)
    {
        string checksum = ToBase64(digest);
        EbsCall call = new()
        {
            Operation = EbsOperation.PutSnapshotBlock,
            Method = HttpMethod.Put,
            Path = $"/snapshots/{snapshotId}/blocks/{EbsConstants.Text(blockIndex)}",
            Subject = $"block {blockIndex} of {snapshotId}",
            SnapshotId = snapshotId,
            Headers =
            [
                new("x-amz-checksum", checksum),
                new("x-amz-checksum-algorithm", EbsConstants.Sha256),
                new("x-amz-data-length", EbsConstants.Text(block.Length)),
            ],
            Body = block,
            BodyDigest = digest.ToString(),
            HasUnsignedForm = true,
            ContentType = "application/octet-stream",
            MayBeUnknownUntil = mayBeUnknownUntil,
        };
        await SendAsync(
            call,
            checksum,
            static (response, call, checksum, _) => Header(response, "x-amz-Checksum") is { } told && told != checksum
                ? throw new EbsChecksumException($"{call.Operation} of {call.Subject} was answered with another digest than that of the block. It is sent again; if that goes on, see the network.") { IsTransient = true }
                : ValueTask.FromResult(true),
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Ends a snapshot.</summary>
    /// <param name="snapshotId">The pending snapshot.</param>
    /// <param name="blockCount">How many blocks were written.</param>
    /// <param name="linearDigest">SHA-256 over the digests of these blocks, in order of their indexes.</param>
    /// <param name="mayBeUnknownUntil">Until when the snapshot may not be known yet.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Null when the service took it; its refusal when an attempt before that, whose answer did not come, may have been taken.</returns>
    internal async ValueTask<EbsException?> CompleteSnapshotAsync(string snapshotId, int blockCount, ContentDigest linearDigest, long mayBeUnknownUntil, CancellationToken cancellationToken)
    {
        EbsCall call = new()
        {
            Operation = EbsOperation.CompleteSnapshot,
            Method = HttpMethod.Post,
            Path = $"/snapshots/completion/{snapshotId}",
            Subject = $"{snapshotId} with {blockCount} blocks",
            SnapshotId = snapshotId,
            Headers =
            [
                new("x-amz-changedblockscount", EbsConstants.Text(blockCount)),
                new("x-amz-checksum", ToBase64(linearDigest)),
                new("x-amz-checksum-aggregation-method", EbsConstants.Linear),
                new("x-amz-checksum-algorithm", EbsConstants.Sha256),
            ],
            MayBeUnknownUntil = mayBeUnknownUntil,
        };
        try
        {
            await SendAsync(
                call,
                0,
                static async (response, call, _, token) =>
                {
                    using JsonDocument answer = await ReadJsonAsync(response, call, token).ConfigureAwait(false);
                    return Text(answer.RootElement, "Status") == "error"
                        ? throw new EbsException($"{call.Operation} of {call.Subject} was answered with the state error: the snapshot is of no use. Upload it anew.")
                        : true;
                },
                cancellationToken).ConfigureAwait(false);
            return null;
        }
        catch (EbsException exception) when (call.Attempts > 1 && exception.Code == "ValidationException")
        {
            return exception;
        }
    }

    /// <summary>Lists a page of a snapshot's blocks, from an index or, where a token is given, from where the page before ended.</summary>
    internal ValueTask<EbsBlockPage> ListBlocksAsync(string snapshotId, int startingIndex, string? pageToken, int maxResults, CancellationToken cancellationToken) =>
        SendAsync(
            new EbsCall
            {
                Operation = EbsOperation.ListSnapshotBlocks,
                Method = HttpMethod.Get,
                Path = $"/snapshots/{snapshotId}/blocks",
                Subject = $"the blocks of {snapshotId}",
                SnapshotId = snapshotId,
                Query = PageQuery(startingIndex, pageToken, maxResults),
            },
            startingIndex,
            static async (response, call, start, token) =>
            {
                EbsBlockPage page = await ReadPageAsync(response, call, static (json, subject) => EbsPageReader.ReadBlocks(json, subject), token).ConfigureAwait(false);
                return page.Indexes.Length > 0 && page.Indexes[0] < start
                    ? throw new EbsException($"The list of {call.Subject} begins at {page.Indexes[0]}, and {start} was asked for. The endpoint may not be EBS direct.")
                    : page;
            },
            cancellationToken);

    /// <summary>Lists a page of the blocks in which two snapshots differ.</summary>
    internal ValueTask<EbsChangedPage> ListChangesAsync(string firstSnapshotId, string secondSnapshotId, string? pageToken, int maxResults, CancellationToken cancellationToken) =>
        SendAsync(
            new EbsCall
            {
                Operation = EbsOperation.ListChangedBlocks,
                Method = HttpMethod.Get,
                Path = $"/snapshots/{secondSnapshotId}/changedblocks",
                Subject = $"the changes from {firstSnapshotId} to {secondSnapshotId}",
                SnapshotId = secondSnapshotId,
                Query = [new("firstSnapshotId", firstSnapshotId), .. PageQuery(0, pageToken, maxResults)],
            },
            0,
            static (response, call, _, token) => ReadPageAsync(response, call, static (json, subject) => EbsPageReader.ReadChanges(json, subject), token),
            cancellationToken);

    /// <summary>Reads a block and holds it against its digest.</summary>
    /// <param name="snapshotId">The completed snapshot.</param>
    /// <param name="blockIndex">Which block.</param>
    /// <param name="blockToken">The token that the list gave for it.</param>
    /// <param name="buffer">Receives the block: 512 KiB. Holds anything when the call fails.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    internal async ValueTask GetBlockAsync(string snapshotId, int blockIndex, string blockToken, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        EbsCall call = new()
        {
            Operation = EbsOperation.GetSnapshotBlock,
            Method = HttpMethod.Get,
            Path = $"/snapshots/{snapshotId}/blocks/{EbsConstants.Text(blockIndex)}",
            Subject = $"block {blockIndex} of {snapshotId}",
            SnapshotId = snapshotId,
            Query = [new("blockToken", blockToken)],
        };
        await SendAsync(call, buffer[..EbsConstants.BlockSize], static (response, call, buffer, token) => ReadBlockAsync(response, call, buffer, token), cancellationToken).ConfigureAwait(false);
    }

    private static async ValueTask<bool> ReadBlockAsync(HttpResponseMessage response, EbsCall call, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        if (Header(response, "x-amz-Data-Length") is { } told && told != EbsConstants.Text(EbsConstants.BlockSize))
        {
            throw new EbsException($"{call.Subject} is told to have {told} bytes, and {EbsConstants.BlockSize} were expected. The endpoint may not be EBS direct.");
        }

        string? checksum = Header(response, "x-amz-Checksum");
        string algorithm = Header(response, "x-amz-Checksum-Algorithm") ?? EbsConstants.Sha256;
        if (checksum is null || algorithm != EbsConstants.Sha256)
        {
            throw new EbsException($"{call.Subject} came without a SHA-256 digest to hold it against. Something between here and the service drops headers.");
        }

        Stream stream = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            int length = 0;
            while (length < buffer.Length)
            {
                int count = await stream.ReadAsync(buffer[length..], cancellationToken).ConfigureAwait(false);
                if (count == 0)
                {
                    throw new EbsException($"{call.Subject} ended after {length} of {buffer.Length} bytes. See the network; the call is made again.") { IsTransient = true };
                }

                length += count;
            }
        }

        return Holds(buffer.Span, checksum)
            ? true
            : throw new EbsChecksumException($"{call.Subject} does not have the SHA-256 digest that the service told. It is read again; if that goes on, see the network.") { IsTransient = true };
    }

    private static bool Holds(ReadOnlySpan<byte> block, string checksum)
    {
        Span<byte> told = stackalloc byte[ContentDigest.SizeInBytes];
        Span<byte> digest = stackalloc byte[ContentDigest.SizeInBytes];
        SHA256.HashData(block, digest);
        return Convert.TryFromBase64String(checksum, told, out int length) && length == digest.Length && digest.SequenceEqual(told);
    }

    private static string ToBase64(ContentDigest digest)
    {
        Span<byte> bytes = stackalloc byte[ContentDigest.SizeInBytes];
        digest.CopyTo(bytes);
        return Convert.ToBase64String(bytes);
    }

    private static List<KeyValuePair<string, string>> PageQuery(int startingIndex, string? pageToken, int maxResults)
    {
        List<KeyValuePair<string, string>> query = [new("maxResults", EbsConstants.Text(Math.Clamp(maxResults, EbsConstants.MinPageLength, EbsConstants.MaxPageLength)))];
        if (pageToken is not null)
        {
            query.Add(new("pageToken", pageToken));
        }
        else if (startingIndex > 0)
        {
            query.Add(new("startingBlockIndex", EbsConstants.Text(startingIndex)));
        }

        return query;
    }

    private static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out IEnumerable<string>? values) ? values.FirstOrDefault() : null;

    private static async ValueTask<T> ReadPageAsync<T>(HttpResponseMessage response, EbsCall call, Func<ReadOnlySpan<byte>, string, T> parse, CancellationToken cancellationToken)
    {
        (byte[] buffer, int length) = await ReadBodyAsync(response, call, MaxPageBytes, cancellationToken).ConfigureAwait(false);
        try
        {
            return parse(buffer.AsSpan(0, length), call.Subject);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // Not JSON, or text that is no UTF-8. A page that was cut on its way is no page: the next attempt may bring it whole.
            throw new EbsException($"The list of {call.Subject} is no whole JSON: {exception.Message}", exception) { IsTransient = true };
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static string? Text(JsonElement answer, string name)
    {
        if (!answer.TryGetProperty(name, out JsonElement value) || value.ValueKind != JsonValueKind.String)
        {
            return null;
        }

        try
        {
            return value.GetString();
        }
        catch (InvalidOperationException)
        {
            // Text that is no UTF-8 names nothing.
            return null;
        }
    }

    private static bool HasOurBlockSize(JsonElement answer) =>
        !answer.TryGetProperty("BlockSize", out JsonElement size) || (size.ValueKind == JsonValueKind.Number && size.TryGetInt32(out int bytes) && bytes == EbsConstants.BlockSize);

    private static async ValueTask<JsonDocument> ReadJsonAsync(HttpResponseMessage response, EbsCall call, CancellationToken cancellationToken)
    {
        (byte[] buffer, int length) = await ReadBodyAsync(response, call, MaxAnswerLength, cancellationToken).ConfigureAwait(false);
        try
        {
            JsonDocument document = JsonDocument.Parse(buffer.AsSpan(0, length).ToArray());
            return document.RootElement.ValueKind == JsonValueKind.Object ? document
                : throw new EbsException($"The answer to {call.Operation} of {call.Subject} is no JSON object. The endpoint may not be EBS direct.");
        }
        catch (JsonException exception)
        {
            throw new EbsException($"The answer to {call.Operation} of {call.Subject} is no whole JSON: {exception.Message}", exception) { IsTransient = true };
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    // The buffer goes back to the pool by the caller.
    private static async ValueTask<(byte[] Buffer, int Length)> ReadBodyAsync(HttpResponseMessage response, EbsCall call, int maxLength, CancellationToken cancellationToken)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(64 * 1024);
        try
        {
            Stream stream = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                for (int length = 0; ;)
                {
                    int count = await stream.ReadAsync(buffer.AsMemory(length), cancellationToken).ConfigureAwait(false);
                    if (count == 0)
                    {
                        return (buffer, length);
                    }

                    length += count;
                    if (length > maxLength)
                    {
                        throw new EbsException($"The answer to {call.Operation} of {call.Subject} is longer than {maxLength} bytes. The endpoint may not be EBS direct.");
                    }

                    if (length == buffer.Length)
                    {
                        byte[] larger = ArrayPool<byte>.Shared.Rent(2 * length);
                        buffer.AsSpan(0, length).CopyTo(larger);
                        ArrayPool<byte>.Shared.Return(buffer);
                        buffer = larger;
                    }
                }
            }
        }
        catch
        {
            ArrayPool<byte>.Shared.Return(buffer);
            throw;
        }
    }

    private static byte[] Write(EbsStartRequest request)
    {
        ArrayBufferWriter<byte> buffer = new(256);
        using Utf8JsonWriter writer = new(buffer);
        writer.WriteStartObject();
        writer.WriteNumber("VolumeSize", request.VolumeSize);
        writer.WriteString("ClientToken", request.ClientToken);
        WriteIfGiven(writer, "ParentSnapshotId", request.ParentSnapshotId);
        WriteIfGiven(writer, "Description", request.Description);
        WriteIfGiven(writer, "KmsKeyArn", request.KmsKeyArn);
        if (request.Encrypted)
        {
            writer.WriteBoolean("Encrypted", true);
        }

        if (request.Timeout is { } timeout)
        {
            writer.WriteNumber("Timeout", (int)timeout.TotalMinutes);
        }

        if (request.Tags.Count > 0)
        {
            writer.WriteStartArray("Tags");
            foreach ((string key, string value) in request.Tags)
            {
                writer.WriteStartObject();
                writer.WriteString("Key", key);
                writer.WriteString("Value", value);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }

        writer.WriteEndObject();
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteIfGiven(Utf8JsonWriter writer, string name, string? value)
    {
        if (value is not null)
        {
            writer.WriteString(name, value);
        }
    }
}
