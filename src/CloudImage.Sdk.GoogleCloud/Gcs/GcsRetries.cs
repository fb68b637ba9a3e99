using System;
using System.Security.Cryptography;
using System.Threading.Tasks;
using Polly;
using Polly.Retry;

namespace CloudImage.Sdk.GoogleCloud.Gcs;

/// <summary>When calls that failed in passing are made again, where no store above does that.</summary>
internal static class GcsRetries
{
    private static readonly TimeSpan s_first = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(20);

    /// <summary>For calls that may be repeated as they are.</summary>
    internal static ResiliencePipeline Pipeline { get; } = new ResiliencePipelineBuilder()
        .AddRetry(new RetryStrategyOptions
        {
            ShouldHandle = static arguments => ValueTask.FromResult(arguments.Outcome.Exception is GoogleCloudException { IsTransient: true }),
            MaxRetryAttempts = 5,
            DelayGenerator = static arguments => ValueTask.FromResult<TimeSpan?>(Delay(arguments.AttemptNumber + 1, (arguments.Outcome.Exception as GoogleCloudException)?.RetryAfter)),
        })
        .Build();

    /// <summary>A random part of a time that doubles, and no less than the service asked for, within reason.</summary>
    internal static TimeSpan Delay(int attempt, TimeSpan? asked)
    {
        double bound = Math.Min(s_longest.TotalMilliseconds, s_first.TotalMilliseconds * Math.Pow(2, attempt - 1));
        TimeSpan delay = TimeSpan.FromMilliseconds(RandomNumberGenerator.GetInt32((int)bound) + 1);
        return asked is { } wanted && wanted > delay ? (wanted < s_longest ? wanted : s_longest) : delay;
    }
}
