using System;
using System.IO;
using System.Net;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.Disks;

/// <summary>Fetches ranges of one resource, retries what fails in passing, and sees to it that all of them are of one content.</summary>
internal sealed class HttpRangeClient : IDisposable
{
    private static readonly TimeSpan s_maxDelay = TimeSpan.FromSeconds(30);
    private readonly Uri _address;
    private readonly HttpClient _client;
    private readonly HttpDiskOptions _options;
    private readonly SemaphoreSlim _requests;
    private readonly string _displayName;
    private EntityTagHeaderValue? _entityTag;
    private DateTimeOffset? _lastModified;
    private long _requestCount;

    public HttpRangeClient(Uri address, HttpClient client, HttpDiskOptions options)
    {
        _address = address;
        _client = client;
        _options = options;
        _requests = new SemaphoreSlim(options.MaxRequests, options.MaxRequests);

        // Signatures live behind the question mark, and passwords before the host.
        _displayName = address.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped);
    }

    /// <summary>Length of the resource in bytes, known once it is open.</summary>
    public long Length { get; private set; } = -1;

    public long RequestCount => Interlocked.Read(ref _requestCount);

    /// <summary>Fetches the first block, and learns length, entity tag and time from the answer.</summary>
    public Task<byte[]> OpenAsync(CancellationToken cancellationToken) => RetryAsync(token => AttemptAsync(0, _options.BlockSize, token), cancellationToken);

    /// <summary>Fetches a range within the resource.</summary>
    public Task<byte[]> FetchAsync(long fileOffset, int count, CancellationToken cancellationToken) =>
        RetryAsync(token => AttemptAsync(fileOffset, count, token), cancellationToken);

    public void Dispose() => _requests.Dispose();

    private async Task<byte[]> RetryAsync(Func<CancellationToken, Task<byte[]>> attempt, CancellationToken cancellationToken)
    {
        // The caller may hold a lock: nothing of the request runs on its thread.
        await Task.Yield();
        await _requests.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            for (int retry = 0; ; retry++)
            {
                using CancellationTokenSource timeout = new(_options.RequestTimeout, _options.TimeProvider);
                using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
                TimeSpan? delay = null;
                try
                {
                    return await attempt(either.Token).ConfigureAwait(false);
                }
                catch (HttpRangeException exception) when (exception.IsTransient && retry < _options.MaxRetries)
                {
                    delay = exception.RetryAfter;
                }
                catch (Exception exception) when (exception is HttpRequestException or IOException and not CloudImageException && retry < _options.MaxRetries)
                {
                }
                catch (OperationCanceledException) when (timeout.IsCancellationRequested && !cancellationToken.IsCancellationRequested && retry < _options.MaxRetries)
                {
                }
                catch (OperationCanceledException exception) when (timeout.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
                {
                    throw new CloudImageException($"'{_displayName}' did not answer within {_options.RequestTimeout}, {retry + 1} times.", exception) { IsTransient = true };
                }
                catch (Exception exception) when (exception is HttpRequestException or IOException and not CloudImageException)
                {
                    throw new CloudImageException($"'{_displayName}' could not be read, {retry + 1} times; the last reason: {exception.Message}", exception) { IsTransient = true };
                }

                await Task.Delay(Wait(retry, delay), _options.TimeProvider, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            _requests.Release();
        }
    }

    private async Task<byte[]> AttemptAsync(long fileOffset, int count, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _requestCount);
        using HttpRequestMessage request = new(HttpMethod.Get, _address);
        request.Headers.Range = new RangeHeaderValue(fileOffset, fileOffset + count - 1);
        request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue("identity"));
        if (_entityTag is { IsWeak: false } tag)
        {
            // A server whose content has another tag answers with the whole of it, which is noticed below.
            request.Headers.IfRange = new RangeConditionHeaderValue(tag);
        }

        using HttpResponseMessage response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable && Length < 0 && response.Content.Headers.ContentRange?.Length == 0)
        {
            Length = 0;
            return [];
        }

        ThrowIfNotPartial(response);
        int length = TakeRange(response, fileOffset, count);
        byte[] content = new byte[length];
        Stream body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await using (body.ConfigureAwait(false))
        {
            int read = await body.ReadAtLeastAsync(content, length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
            if (read < length)
            {
                throw new HttpRangeException($"'{_displayName}' sent {read} bytes of the {length} at {fileOffset} and ended.", true);
            }
        }

        return content;
    }

    private void ThrowIfNotPartial(HttpResponseMessage response)
    {
        switch (response.StatusCode)
        {
            case HttpStatusCode.PartialContent:
                return;
            case HttpStatusCode.OK when Length >= 0:
                throw Changed("the server answered with the whole content instead of a range of the known one");
            case HttpStatusCode.OK:
                throw new HttpRangeException($"The server of '{_displayName}' does not answer byte ranges (it sent status 200 instead of 206), so that the image cannot be read as needed. Download it first, or read it as a pipe.", false);
            case HttpStatusCode.PreconditionFailed or HttpStatusCode.RequestedRangeNotSatisfiable when Length >= 0:
                throw Changed($"the server answered {(int)response.StatusCode} to a range of the known content");
        }

        int status = (int)response.StatusCode;
        bool isTransient = status is 408 or 429 or 500 or 502 or 503 or 504;
        throw new HttpRangeException($"'{_displayName}' answered with status {status} ({response.ReasonPhrase}).", isTransient) { RetryAfter = RetryAfter(response) };
    }

    // Holds an answer against what was asked for, and against the first answer; returns the length of its body.
    private int TakeRange(HttpResponseMessage response, long fileOffset, int count)
    {
        HttpContentHeaders headers = response.Content.Headers;
        if (headers.ContentEncoding.Count > 0 && !headers.ContentEncoding.Contains("identity"))
        {
            throw new HttpRangeException($"'{_displayName}' sent its content encoded as {string.Join(", ", headers.ContentEncoding)}, although that was not asked for.", false);
        }

        if (headers.ContentRange is not { Unit: "bytes", From: { } from, To: { } to } range || from != fileOffset)
        {
            throw new HttpRangeException($"'{_displayName}' sent the range '{headers.ContentRange}' where {fileOffset} to {fileOffset + count - 1} was asked for.", false);
        }

        if (range.Length is not { } length)
        {
            throw new HttpRangeException($"'{_displayName}' does not tell the length of its content ('{headers.ContentRange}').", false);
        }

        if (Length < 0)
        {
            _entityTag = response.Headers.ETag;
            _lastModified = headers.LastModified;
            Length = length;
        }
        else if (length != Length)
        {
            throw Changed($"its length was {Length} bytes and is {length}");
        }
        else if (_entityTag is not null && response.Headers.ETag is { } tag && !tag.Equals(_entityTag))
        {
            throw Changed($"its entity tag was {_entityTag} and is {tag}");
        }
        else if (_lastModified is { } time && headers.LastModified is { } now && now != time)
        {
            throw Changed($"it was last modified at {time:O}, and now at {now:O}");
        }

        long expected = Math.Min(fileOffset + count, length) - fileOffset;
        return to - from + 1 == expected ? (int)expected : throw new HttpRangeException(
            $"'{_displayName}' sent the range '{headers.ContentRange}' where {fileOffset} to {fileOffset + count - 1} was asked for.", false);
    }

    private HttpRangeException Changed(string how) =>
        new($"The content of '{_displayName}' was changed while it was read: {how}. What was read so far and what follows do not belong together; open it anew.", false);

    private TimeSpan? RetryAfter(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date - _options.TimeProvider.GetUtcNow(),
        _ => null,
    };

    // The whole of what the server asks for, within reason; else a random part of a time that doubles, so that many clients spread.
    private TimeSpan Wait(int retry, TimeSpan? asked)
    {
        if (asked is { } time)
        {
            return TimeSpan.FromTicks(Math.Clamp(time.Ticks, 0, s_maxDelay.Ticks));
        }

        double longest = Math.Min(s_maxDelay.TotalMilliseconds, _options.RetryDelay.TotalMilliseconds * Math.Pow(2, retry));
        return TimeSpan.FromMilliseconds(longest * (RandomNumberGenerator.GetInt32(1, 1001) / 1000.0));
    }
}
