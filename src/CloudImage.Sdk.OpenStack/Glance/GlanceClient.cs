using System;
using System.IO;
using System.Net;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading;
using System.Threading.Tasks;
using Polly;
using Polly.Retry;

namespace CloudImage.Sdk.OpenStack.Glance;

/// <summary>The calls of Glance's interface, version 2, that images are read and made with; what fails in passing is asked again.</summary>
internal sealed class GlanceClient(OpenStackConnection connection)
{
    private static readonly TimeSpan s_requestTimeout = TimeSpan.FromSeconds(100);

    private static readonly ResiliencePipeline s_retries = new ResiliencePipelineBuilder()
        .AddRetry(new RetryStrategyOptions
        {
            ShouldHandle = static arguments => ValueTask.FromResult(arguments.Outcome.Exception is OpenStackException { IsTransient: true }),
            MaxRetryAttempts = 5,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = TimeSpan.FromMilliseconds(300),
            MaxDelay = TimeSpan.FromSeconds(20),
            DelayGenerator = static arguments => ValueTask.FromResult((arguments.Outcome.Exception as OpenStackException)?.RetryAfter is { } asked
                ? asked < TimeSpan.FromSeconds(60) ? asked : TimeSpan.FromSeconds(60)
                : (TimeSpan?)null),
        })
        .Build();

    /// <summary>Address of the service, with its version.</summary>
    public async ValueTask<string> GetAddressAsync(CancellationToken cancellationToken)
    {
        string address = (await connection.GetEndpointAsync(OpenStackConnection.Image, cancellationToken).ConfigureAwait(false)).ToString().TrimEnd('/');
        int last = address.LastIndexOf('/');
        return address.AsSpan(last + 1).StartsWith("v2", StringComparison.Ordinal) ? address : address + "/v2";
    }

    /// <summary>Asks for an image.</summary>
    /// <exception cref="OpenStackException">There is no such image, or the service failed.</exception>
    public Task<GlanceImage> GetAsync(string id, CancellationToken cancellationToken) =>
        RunAsync(
            HttpMethod.Get,
            $"/images/{Uri.EscapeDataString(id)}",
            null,
            async (response, token) => response.StatusCode switch
            {
                HttpStatusCode.OK => await ReadAsync(response, token).ConfigureAwait(false),
                HttpStatusCode.NotFound => throw new OpenStackException($"There is no image '{id}', or it is not for these credentials to see.") { StatusCode = response.StatusCode },
                _ => throw await OpenStackHttp.FaultAsync($"image '{id}'", response, token).ConfigureAwait(false),
            },
            cancellationToken);

    /// <summary>Makes an image without content.</summary>
    public async Task<GlanceImage> CreateAsync(GlanceImageOptions options, string diskFormat, string containerFormat, int minimumDisk, CancellationToken cancellationToken)
    {
        JsonObject image = new()
        {
            ["name"] = options.Name,
            ["disk_format"] = diskFormat,
            ["container_format"] = containerFormat,
            ["visibility"] = options.Visibility,
            ["min_disk"] = minimumDisk,
            ["min_ram"] = options.MinimumMemoryInMebibytes,
        };
        foreach ((string name, string value) in options.Properties)
        {
            image[name] = value;
        }

        if (options.Tags.Count > 0)
        {
            JsonArray tags = [];
            foreach (string tag in options.Tags)
            {
                tags.Add((JsonNode)tag);
            }

            image["tags"] = tags;
        }

        // The id is chosen here, so that a repetition finds what the first attempt made.
        string id = Guid.NewGuid().ToString("D");
        image["id"] = id;
        bool isRepetition = false;
        return await RunAsync(
            HttpMethod.Post,
            "/images",
            new Body(image.ToJsonString(), "application/json"),
            async (response, token) =>
            {
                if (response.StatusCode == HttpStatusCode.Conflict && isRepetition)
                {
                    return await GetAsync(id, token).ConfigureAwait(false);
                }

                isRepetition = true;
                return response.StatusCode == HttpStatusCode.Created
                    ? await ReadAsync(response, token).ConfigureAwait(false)
                    : throw await OpenStackHttp.FaultAsync($"a new image '{options.Name}'", response, token).ConfigureAwait(false);
            },
            cancellationToken,
            () => isRepetition = true).ConfigureAwait(false);
    }

    /// <summary>Protects an image from deletion.</summary>
    public Task<GlanceImage> ProtectAsync(string id, CancellationToken cancellationToken) =>
        RunAsync(
            HttpMethod.Patch,
            $"/images/{id}",
            new Body("""[{"op":"replace","path":"/protected","value":true}]""", "application/openstack-images-v2.1-json-patch"),
            async (response, token) => response.StatusCode == HttpStatusCode.OK
                ? await ReadAsync(response, token).ConfigureAwait(false)
                : throw await OpenStackHttp.FaultAsync($"the protection of image '{id}'", response, token).ConfigureAwait(false),
            cancellationToken);

    /// <summary>Deletes an image; one that does not exist is a success.</summary>
    public Task<bool> DeleteAsync(string id, CancellationToken cancellationToken) =>
        RunAsync(
            HttpMethod.Delete,
            $"/images/{id}",
            null,
            async (response, token) => response.IsSuccessStatusCode || response.StatusCode == HttpStatusCode.NotFound
                ? true
                : throw await OpenStackHttp.FaultAsync($"the deletion of image '{id}'", response, token).ConfigureAwait(false),
            cancellationToken);

    /// <summary>Sends the content of an image, once: it comes from a stream that cannot be had again.</summary>
    public async Task UploadAsync(string id, string? store, Func<HttpContent> makeContent, CancellationToken cancellationToken)
    {
        string address = await GetAddressAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            using HttpResponseMessage response = await connection.SendAsync(
                () =>
                {
                    HttpRequestMessage request = new(HttpMethod.Put, $"{address}/images/{id}/file") { Content = makeContent() };
                    request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");

                    // So that a refusal (no quota, no right) comes before the bytes and not in their midst.
                    request.Headers.ExpectContinue = true;
                    request.Headers.TransferEncodingChunked = true;
                    if (store is not null)
                    {
                        request.Headers.TryAddWithoutValidation("X-Image-Meta-Store", store);
                    }

                    return request;
                },
                cancellationToken).ConfigureAwait(false);
            if (response.StatusCode != HttpStatusCode.NoContent)
            {
                throw await OpenStackHttp.FaultAsync($"the upload of image '{id}'", response, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException and not CloudImageException)
        {
            throw Unreachable(address, exception);
        }
    }

    private static async Task<GlanceImage> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        using JsonDocument body = await OpenStackHttp.ReadJsonAsync(response, cancellationToken).ConfigureAwait(false);
        return GlanceImage.Read(body.RootElement);
    }

    private static OpenStackException Unreachable(string address, Exception cause) =>
        new($"Glance at {address} could not be reached, or broke off: {cause.Message}", cause) { IsTransient = OpenStackHttp.IsTransient(cause) };

    private async Task<T> RunAsync<T>(
        HttpMethod method, string path, Body? body, Func<HttpResponseMessage, CancellationToken, Task<T>> read, CancellationToken cancellationToken, Action? onLostAnswer = null) =>
        await s_retries.ExecuteAsync(
            async token =>
            {
                using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(token);
                limit.CancelAfter(s_requestTimeout);
                string address = "its address";
                try
                {
                    address = await GetAddressAsync(limit.Token).ConfigureAwait(false);
                    using HttpResponseMessage response = await connection.SendAsync(() => MakeRequest(method, address + path, body), limit.Token).ConfigureAwait(false);
                    return await read(response, limit.Token).ConfigureAwait(false);
                }
                catch (Exception exception) when (exception is HttpRequestException or IOException and not CloudImageException)
                {
                    onLostAnswer?.Invoke();
                    throw Unreachable(address, exception);
                }
                catch (OperationCanceledException exception) when (!token.IsCancellationRequested)
                {
                    onLostAnswer?.Invoke();
                    throw new OpenStackException($"Glance at {address} did not answer within {s_requestTimeout}.", exception) { IsTransient = true };
                }
            },
            cancellationToken).ConfigureAwait(false);

    private static HttpRequestMessage MakeRequest(HttpMethod method, string address, Body? body)
    {
        HttpRequestMessage request = new(method, address);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body.Text));
            request.Content.Headers.ContentType = new MediaTypeHeaderValue(body.MediaType);
        }

        return request;
    }

    private sealed record Body(string Text, string MediaType);
}
