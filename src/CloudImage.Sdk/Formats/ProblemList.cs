using System.Collections.Generic;

namespace CloudImage.Sdk.Formats;

/// <summary>Collects the problems of a check up to a limit.</summary>
internal sealed class ProblemList(int limit)
{
    private readonly List<DiskProblem> _problems = [];

    /// <summary>The problems, in order of their discovery.</summary>
    public IReadOnlyList<DiskProblem> Problems => _problems;

    /// <summary>Whether there were more than are listed.</summary>
    public bool IsTruncated { get; private set; }

    /// <summary>Adds a problem, unless the list is full. A corruption takes the place of a milder one then.</summary>
    public void Add(DiskProblemKind kind, long fileOffset, string message)
    {
        if (_problems.Count < limit)
        {
            _problems.Add(new DiskProblem(kind, fileOffset, message));
            return;
        }

        IsTruncated = true;
        if (kind == DiskProblemKind.Corruption && limit > 0 && _problems[^1].Kind != DiskProblemKind.Corruption)
        {
            _problems[^1] = new DiskProblem(kind, fileOffset, message);
        }
    }
}
