using System;

namespace CloudImage.Sdk.Azure.Tests.Fakes;

/// <summary>What a fake answers in place of what it was asked.</summary>
internal sealed class FakeAnswerException(int status, string code, string message) : Exception(message)
{
    public int Status { get; } = status;

    public string Code { get; } = code;

    public int? RetryAfterInSeconds { get; init; }
}
