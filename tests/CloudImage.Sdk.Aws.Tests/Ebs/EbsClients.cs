using System;
using System.Net.Http;
using Amazon.Runtime;
using CloudImage.Sdk.Aws.Ebs;
using CloudImage.Sdk.Aws.Tests.Fakes;

namespace CloudImage.Sdk.Aws.Tests.Ebs;

/// <summary>Clients of a fake EBS direct, with retries that do not wait long.</summary>
internal static class EbsClients
{
    public static EbsDirectClient For(EbsFake fake, TimeProvider? time = null, AWSCredentials? credentials = null, int maxRetries = 8, TimeSpan? requestTimeout = null, int concurrency = 32, int listQuota = 50, int snapshotQuota = 10) => new(new EbsClientOptions
    {
        Region = fake.Region,
        Endpoint = fake.Endpoint,
        Credentials = credentials ?? new BasicAWSCredentials(EbsFakeOptions.DefaultAccessKey, EbsFakeOptions.DefaultSecretKey),
        Handler = fake.CertificatePem is null ? null : new HttpClientHandler { ServerCertificateCustomValidationCallback = static (_, _, _, _) => true },
        RetryDelay = TimeSpan.FromMilliseconds(5),
        MaxRetryDelay = TimeSpan.FromMilliseconds(1500),
        MaxRetries = maxRetries,
        ListQuotaPerSecond = listQuota,
        SnapshotQuotaPerSecond = snapshotQuota,
        MaxConcurrentRequests = concurrency,
        RequestTimeout = requestTimeout ?? TimeSpan.FromSeconds(30),
        TimeProvider = time ?? TimeProvider.System,
    });
}
