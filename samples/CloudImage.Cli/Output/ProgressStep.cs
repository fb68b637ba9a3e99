namespace CloudImage.Cli.Output;

/// <summary>How far some work is, in bytes.</summary>
internal readonly record struct ProgressStep(long Done, long Total);
