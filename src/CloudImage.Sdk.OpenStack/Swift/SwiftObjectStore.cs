using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using System.IO;
using System.Net;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.OpenStack.Swift;

/// <summary>A store of objects in a container of Swift, the object storage of OpenStack.</summary>
/// <remarks>
/// <para>Swift refuses a second creation of a name (<c>If-None-Match: *</c>) only once the first one has ended: of creators that overlap
/// several may be told that they created it, and the newest stays. A listing may lag behind. Both are said in <see cref="Capabilities"/>,
/// so that a repository is collected by age.</para>
/// <para>The MD5 of each object is sent with it and held against the answer. Every member may be called from several threads at once; none
/// repeats a call that failed: see <see cref="RetryingObjectStore"/>. Does not own the connection.</para>
/// </remarks>
public sealed class SwiftObjectStore : ObjectStore
{
    /// <summary>The length above which the service is asked whether it wants the content before it is sent.</summary>
    private const int ExpectContinueLength = 1 << 20;

    private static readonly MediaTypeHeaderValue s_binary = new("application/octet-stream");

    private readonly OpenStackConnection _connection;
    private readonly SwiftObjectStoreOptions _options;
    private readonly Uri _account;
    private readonly string _containerAddress;
    private readonly string _prefix;
    private readonly SwiftServiceInfo _service;

    private SwiftObjectStore(OpenStackConnection connection, SwiftObjectStoreOptions options, Uri account, SwiftServiceInfo service)
    {
        _connection = connection;
        _options = options;
        _account = account;
        _service = service;
        _containerAddress = $"{account}/{Uri.EscapeDataString(options.Container)}";
        _prefix = options.Prefix.Length == 0 ? string.Empty : options.Prefix + "/";
        Location = options.Prefix.Length == 0 ? $"swift://{options.Container} at {account.Host}" : $"swift://{options.Container}/{options.Prefix} at {account.Host}";
        Capabilities = new ObjectStoreCapabilities
        {
            HasAtomicCreate = false,
            HasConsistentLists = false,
            ChecksumKind = ObjectChecksumKind.Md5,
            MaximumObjectLength = service.MaximumObjectLength,
            PreferredConcurrency = options.Concurrency,
        };
    }

    /// <inheritdoc/>
    public override ObjectStoreCapabilities Capabilities { get; }

    /// <inheritdoc/>
    public override string Location { get; }

    /// <summary>Opens a store; the container is looked for, and created where that is asked for.</summary>
    /// <param name="connection">The cloud; not owned, and used until the store is disposed.</param>
    /// <param name="options">Which container, and how it is used.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The store, which the caller owns.</returns>
    /// <exception cref="ArgumentException">An option is not valid.</exception>
    /// <exception cref="ObjectStoreException">The service cannot be reached or refuses, or there is no such container.</exception>
    public static async ValueTask<SwiftObjectStore> OpenAsync(OpenStackConnection connection, SwiftObjectStoreOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        return await SwiftCall.RunAsync(
            null,
            options.RequestTimeout,
            async token =>
            {
                Uri account = await connection.GetEndpointAsync(OpenStackConnection.ObjectStore, token).ConfigureAwait(false);
                SwiftServiceInfo service = await SwiftServiceInfo.AskAsync(connection, account, token).ConfigureAwait(false);
                SwiftObjectStore store = new(connection, options, account, service);
                await store.FindContainerAsync(token).ConfigureAwait(false);
                return store;
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override ValueTask<bool> TryCreateCoreAsync(string name, ReadOnlyMemory<byte> content, ObjectCreateOptions options, CancellationToken cancellationToken) =>
        SwiftCall.RunAsync(
            name,
            _options.RequestTimeout,
            async token =>
            {
                string checksum = Convert.ToHexStringLower(options.Checksum.Kind == ObjectChecksumKind.Md5 ? options.Checksum.Value : ComputeMd5(content.Span));
                using HttpResponseMessage response = await _connection.SendAsync(() => MakePut(name, content, checksum), token).ConfigureAwait(false);
                switch (response.StatusCode)
                {
                    case HttpStatusCode.Created:
                        ThrowIfStoredOtherwise(name, response, checksum);
                        return true;
                    case HttpStatusCode.PreconditionFailed:
                        return false;
                    case HttpStatusCode.UnprocessableEntity:
                        throw new ObjectStoreException(name, "the service received other bytes than were sent: their MD5 differs.", null)
                        {
                            IsTransient = options.Checksum.Kind != ObjectChecksumKind.Md5,
                        };
                    case HttpStatusCode.Accepted or HttpStatusCode.Conflict:
                        // A later creation or deletion of the name came between.
                        return await AskAsync(name, token).ConfigureAwait(false) is not null
                            ? false
                            : throw new ObjectStoreException(name, "another creation or deletion of it came between.", null) { IsTransient = true };
                    case HttpStatusCode.NotFound:
                        throw NoContainer();
                    default:
                        throw await OpenStackHttp.FaultAsync("a new object", response, token).ConfigureAwait(false);
                }
            },
            cancellationToken);

    /// <inheritdoc/>
    protected override ValueTask<int> ReadCoreAsync(string name, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken) =>
        SwiftCall.RunAsync(
            name,
            _options.RequestTimeout,
            async token =>
            {
                if (buffer.IsEmpty)
                {
                    return await AskAsync(name, token).ConfigureAwait(false) is null ? throw new ObjectNotFoundException(name) : 0;
                }

                long last = offset > long.MaxValue - buffer.Length ? long.MaxValue : offset + buffer.Length - 1;
                using HttpResponseMessage response = await _connection.SendAsync(
                    () => new HttpRequestMessage(HttpMethod.Get, AddressOf(name)) { Headers = { Range = new RangeHeaderValue(offset, last) } },
                    token).ConfigureAwait(false);
                switch (response.StatusCode)
                {
                    case HttpStatusCode.PartialContent:
                        return await ReadBodyAsync(name, response, buffer, offset, token).ConfigureAwait(false);
                    case HttpStatusCode.RequestedRangeNotSatisfiable:
                        return 0;
                    case HttpStatusCode.NotFound:
                        throw new ObjectNotFoundException(name);
                    case HttpStatusCode.OK:
                        throw new ObjectStoreException(name, "the service answered with the whole object where a range was asked for.", null);
                    default:
                        throw await OpenStackHttp.FaultAsync("an object", response, token).ConfigureAwait(false);
                }
            },
            cancellationToken);

    /// <inheritdoc/>
    protected override ValueTask<ObjectInfo?> GetInfoCoreAsync(string name, IoMode mode, CancellationToken cancellationToken) =>
        SwiftCall.RunAsync(name, _options.RequestTimeout, token => AskAsync(name, token), cancellationToken);

    /// <inheritdoc/>
    protected override async IAsyncEnumerable<ObjectInfo> ListCoreAsync(string prefix, string? startAfter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string marker = startAfter is null ? string.Empty : _prefix + startAfter;
        while (true)
        {
            List<ObjectInfo> page = await SwiftCall.RunAsync(null, _options.RequestTimeout, token => ListPageAsync(_prefix + prefix, marker, token), cancellationToken).ConfigureAwait(false);
            foreach (ObjectInfo info in page)
            {
                cancellationToken.ThrowIfCancellationRequested();
                yield return info;
            }

            // A page may be short where a container is in several parts: only an empty one is the end.
            if (page.Count == 0)
            {
                yield break;
            }

            marker = _prefix + page[^1].Name;
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask DeleteCoreAsync(IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        int length = Math.Min(_options.BulkDeleteLength, _service.MaximumBulkDelete);
        if (length < 2 || names.Count < 2)
        {
            await Parallel.ForEachAsync(
                names,
                new ParallelOptions { MaxDegreeOfParallelism = _options.Concurrency, CancellationToken = cancellationToken },
                async (name, token) => await SwiftCall.RunAsync(name, _options.RequestTimeout, inner => DeleteOneAsync(name, inner), token).ConfigureAwait(false)).ConfigureAwait(false);
            return;
        }

        for (int first = 0; first < names.Count; first += length)
        {
            int start = first;
            int count = Math.Min(length, names.Count - first);
            await SwiftCall.RunAsync(null, _options.RequestTimeout, token => DeleteManyAsync(names, start, count, token), cancellationToken).ConfigureAwait(false);
        }
    }

    [SuppressMessage("Security", "CA5351:Do Not Use Broken Cryptographic Algorithms", Justification = "It is the checksum that Swift keeps; it finds accidents, and nothing rests on it against forgery.")]
    private static byte[] ComputeMd5(ReadOnlySpan<byte> content) => MD5.HashData(content);

    private HttpRequestMessage MakePut(string name, ReadOnlyMemory<byte> content, string checksum)
    {
        HttpRequestMessage request = new(HttpMethod.Put, AddressOf(name)) { Content = new ReadOnlyMemoryContent(content) };
        request.Content.Headers.ContentType = s_binary;
        request.Headers.TryAddWithoutValidation("If-None-Match", "*");
        request.Headers.TryAddWithoutValidation("ETag", checksum);
        request.Headers.ExpectContinue = content.Length > ExpectContinueLength;
        return request;
    }

    private static void ThrowIfStoredOtherwise(string name, HttpResponseMessage response, string checksum)
    {
        string? stored = SwiftHeaders.ETag(response);
        if (stored is not null && !string.Equals(stored, checksum, StringComparison.OrdinalIgnoreCase))
        {
            throw new ObjectStoreException(name, $"the service stored content with the MD5 {stored}, where {checksum} was sent.", null);
        }
    }

    private static async Task<int> ReadBodyAsync(string name, HttpResponseMessage response, Memory<byte> buffer, long offset, CancellationToken cancellationToken)
    {
        ContentRangeHeaderValue? range = response.Content.Headers.ContentRange;
        if (range is not { Unit: "bytes", From: { } from, To: { } to, Length: { } length } || from != offset || to < from || to - from >= buffer.Length)
        {
            throw new ObjectStoreException(name, $"the service sent the range '{range}' where {buffer.Length} bytes at {offset} were asked for.", null);
        }

        int expected = (int)Math.Min(buffer.Length, length - offset);
        Stream body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await using (body.ConfigureAwait(false))
        {
            int count = await body.ReadAtLeastAsync(buffer[..expected], expected, false, cancellationToken).ConfigureAwait(false);
            if (count != expected)
            {
                throw new ObjectStoreException(name, $"the service sent {count} bytes of the {expected} at {offset} and ended.", null) { IsTransient = true };
            }
        }

        if (expected == length && SwiftHeaders.Md5(response) is { Kind: ObjectChecksumKind.Md5 } checksum && !checksum.Value.SequenceEqual(ComputeMd5(buffer.Span[..expected])))
        {
            throw new ObjectStoreException(name, "the bytes that came do not have the MD5 that the service keeps of it.", null) { IsTransient = true };
        }

        return expected;
    }

    private async Task<ObjectInfo?> AskAsync(string name, CancellationToken cancellationToken)
    {
        using HttpResponseMessage response = await _connection.SendAsync(() => new HttpRequestMessage(HttpMethod.Head, AddressOf(name)), cancellationToken).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }

        if (!response.IsSuccessStatusCode)
        {
            throw await OpenStackHttp.FaultAsync("an object", response, cancellationToken).ConfigureAwait(false);
        }

        return response.Content.Headers.ContentLength is { } length and >= 0
            ? new ObjectInfo(name, length, response.Content.Headers.LastModified ?? default, SwiftHeaders.Md5(response))
            : throw new ObjectStoreException(name, "the service does not tell its length.", null);
    }

    private async Task<List<ObjectInfo>> ListPageAsync(string prefix, string marker, CancellationToken cancellationToken)
    {
        string address = $"{_containerAddress}?format=json&limit={_options.ListPageLength}&prefix={Uri.EscapeDataString(prefix)}&marker={Uri.EscapeDataString(marker)}";
        using HttpResponseMessage response = await _connection.SendAsync(() => new HttpRequestMessage(HttpMethod.Get, address), cancellationToken).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.NotFound)
        {
            throw NoContainer();
        }

        if (response.StatusCode == HttpStatusCode.NoContent)
        {
            return [];
        }

        if (!response.IsSuccessStatusCode)
        {
            throw await OpenStackHttp.FaultAsync("a listing", response, cancellationToken).ConfigureAwait(false);
        }

        using JsonDocument body = await OpenStackHttp.ReadJsonAsync(response, cancellationToken).ConfigureAwait(false);
        return SwiftListing.Read(body.RootElement, _prefix.Length, prefix, marker);
    }

    private async Task<bool> DeleteOneAsync(string name, CancellationToken cancellationToken)
    {
        using HttpResponseMessage response = await _connection.SendAsync(() => new HttpRequestMessage(HttpMethod.Delete, AddressOf(name)), cancellationToken).ConfigureAwait(false);
        if (response.IsSuccessStatusCode || response.StatusCode == HttpStatusCode.NotFound)
        {
            return true;
        }

        if (response.StatusCode == HttpStatusCode.Conflict)
        {
            throw new ObjectStoreException(name, "a creation of it came between its deletion.", null) { IsTransient = true };
        }

        throw await OpenStackHttp.FaultAsync("a deletion", response, cancellationToken).ConfigureAwait(false);
    }

    private async Task<bool> DeleteManyAsync(IReadOnlyList<string> names, int first, int count, CancellationToken cancellationToken)
    {
        byte[] list = SwiftBulkDelete.MakeList(_options.Container, _prefix, names, first, count);
        using HttpResponseMessage response = await _connection.SendAsync(() => SwiftBulkDelete.MakeRequest(_account, list), cancellationToken).ConfigureAwait(false);
        if (!response.IsSuccessStatusCode)
        {
            throw await OpenStackHttp.FaultAsync("the deletion of several objects", response, cancellationToken).ConfigureAwait(false);
        }

        using JsonDocument body = await OpenStackHttp.ReadJsonAsync(response, cancellationToken).ConfigureAwait(false);
        SwiftBulkDelete.ThrowIfAnyFailed(body.RootElement);
        return true;
    }

    private async Task FindContainerAsync(CancellationToken cancellationToken)
    {
        using HttpResponseMessage found = await _connection.SendAsync(() => new HttpRequestMessage(HttpMethod.Head, _containerAddress), cancellationToken).ConfigureAwait(false);
        if (found.IsSuccessStatusCode)
        {
            return;
        }

        if (found.StatusCode != HttpStatusCode.NotFound)
        {
            throw await OpenStackHttp.FaultAsync($"container '{_options.Container}'", found, cancellationToken).ConfigureAwait(false);
        }

        if (!_options.CreateContainer)
        {
            throw NoContainer();
        }

        using HttpResponseMessage created = await _connection.SendAsync(() => new HttpRequestMessage(HttpMethod.Put, _containerAddress), cancellationToken).ConfigureAwait(false);
        if (!created.IsSuccessStatusCode)
        {
            throw await OpenStackHttp.FaultAsync($"a new container '{_options.Container}'", created, cancellationToken).ConfigureAwait(false);
        }
    }

    private string AddressOf(string name)
    {
        string[] segments = (_prefix + name).Split('/');
        for (int index = 0; index < segments.Length; index++)
        {
            segments[index] = Uri.EscapeDataString(segments[index]);
        }

        return $"{_containerAddress}/{string.Join('/', segments)}";
    }

    private ObjectStoreException NoContainer() =>
        new($"There is no container '{_options.Container}' at {_account}. Create it, or say that it may be created (create-container=true in an address).");
}
