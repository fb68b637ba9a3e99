using System;
using System.Collections.Generic;
using System.Threading;
using CloudImage.Sdk.Diagnostics;
using Microsoft.Extensions.Logging;

namespace CloudImage.Sdk.Snapshots.Verification;

/// <summary>Collects what verification finds. Thread-safe; the same finding is kept once.</summary>
internal sealed class ProblemList
{
    private readonly Lock _lock = new();
    private readonly ILogger _logger;
    private readonly List<VerifyProblem> _problems = [];
    private readonly HashSet<string> _messages = new(StringComparer.Ordinal);

    public ProblemList(ILogger logger) => _logger = logger;

    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _problems.Count;
            }
        }
    }

    public void Add(string objectName, string message)
    {
        lock (_lock)
        {
            if (!_messages.Add(message))
            {
                return;
            }

            _problems.Add(new VerifyProblem(objectName, message));
        }

        Telemetry.VerificationProblems.Add(1);
        Log.VerificationProblem(_logger, message);
    }

    public void Add(string objectName, Exception exception) =>
        Add((exception as RepositoryCorruptException)?.ObjectName ?? objectName, exception.Message);

    public List<VerifyProblem> ToList()
    {
        lock (_lock)
        {
            List<VerifyProblem> sorted = [.. _problems];
            sorted.Sort(static (left, right) => string.CompareOrdinal(left.ObjectName, right.ObjectName));
            return sorted;
        }
    }
}
