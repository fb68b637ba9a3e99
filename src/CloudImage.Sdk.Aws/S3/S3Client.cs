using System;
using System.Net;
using System.Net.Http;
using Amazon;
using Amazon.Runtime;
using Amazon.Runtime.Internal;
using Amazon.S3;

namespace CloudImage.Sdk.Aws.S3;

/// <summary>The vendor's client, set up so that it sends exactly what a service of the profile understands.</summary>
internal sealed class S3Client : AmazonS3Client
{
    private readonly HttpMessageHandler? _ownHandler;
    private readonly S3RequestHandler _requestHandler;

    private S3Client(AWSCredentials credentials, AmazonS3Config config, S3ServiceProfile profile, HttpMessageHandler? ownHandler)
        : base(credentials, config)
    {
        _ownHandler = ownHandler;

        // The pipeline is built by the base constructor, before there is a profile.
        _requestHandler = new S3RequestHandler(profile);
        RuntimePipeline.AddHandlerAfter<Marshaller>(_requestHandler);
        RuntimePipeline.ReplaceHandler<RetryHandler>(new RetryHandler(new ClockOnlyRetryPolicy()));
    }

    public static S3Client Create(S3ObjectStoreOptions options, S3ServiceProfile profile, AWSCredentials credentials)
    {
        HttpMessageHandler? ownHandler = options.Handler is null ? NewHandler(options) : null;
        AmazonS3Config config = new()
        {
            ForcePathStyle = profile.UsesPathStyle,
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
            MaxErrorRetry = 0,
            MaxStaleConnectionRetries = 0,
            BufferSize = 128 << 10,
            DisableLogging = true,
            Timeout = System.Threading.Timeout.InfiniteTimeSpan,
            HttpClientFactory = new SingleClientFactory(options.Handler ?? ownHandler!),
        };
        if (options.Endpoint is { } endpoint)
        {
            config.ServiceURL = endpoint.AbsoluteUri;
            config.AuthenticationRegion = options.Region ?? "us-east-1";
        }
        else
        {
            config.RegionEndpoint = options.Region is { } region ? RegionEndpoint.GetBySystemName(region) : FallbackRegionFactory.GetRegionEndpoint()
                ?? throw new Storage.ObjectStoreException($"No region is known for bucket '{options.Bucket}': name it, set AWS_REGION, or put one into the shared configuration.");
        }

        return new S3Client(credentials, config, profile, ownHandler);
    }

    /// <summary>Tells the SHA-256 of the body of a request, so that it is not computed once more.</summary>
    public void SetHash(AmazonWebServiceRequest request, ReadOnlySpan<byte> sha256) => _requestHandler.SetHash(request, sha256);

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing)
        {
            _ownHandler?.Dispose();
        }
    }

    private static SocketsHttpHandler NewHandler(S3ObjectStoreOptions options) => new()
    {
        MaxConnectionsPerServer = options.MaximumConcurrency,
        PooledConnectionLifetime = TimeSpan.FromMinutes(10),
        ConnectTimeout = options.RequestTimeout,
        ConnectCallback = PromptStream.ConnectAsync,
        AutomaticDecompression = DecompressionMethods.None,
        AllowAutoRedirect = false,
        UseCookies = false,
    };

    private sealed class SingleClientFactory(HttpMessageHandler handler) : HttpClientFactory
    {
        public override HttpClient CreateHttpClient(IClientConfig clientConfig) => new(handler, false) { Timeout = System.Threading.Timeout.InfiniteTimeSpan };

        public override bool UseSDKHttpClientCaching(IClientConfig clientConfig) => false;

        public override bool DisposeHttpClientsAfterUse(IClientConfig clientConfig) => false;

        public override string? GetConfigUniqueString(IClientConfig clientConfig) => null;
    }
}
