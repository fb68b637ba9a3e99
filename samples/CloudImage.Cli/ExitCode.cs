namespace CloudImage.Cli;

/// <summary>What a command tells the shell.</summary>
internal static class ExitCode
{
    /// <summary>Done, or the answer is yes.</summary>
    public const int Success = 0;

    /// <summary>The answer is no: differs, corrupt.</summary>
    public const int No = 1;

    /// <summary>It could not be done.</summary>
    public const int Failure = 2;
}
