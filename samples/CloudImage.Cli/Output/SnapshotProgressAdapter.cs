using System;
using CloudImage.Sdk.Snapshots;

namespace CloudImage.Cli.Output;

/// <summary>Passes the reports of a repository on to the display.</summary>
internal sealed class SnapshotProgressAdapter : IProgress<SnapshotProgress>
{
    private readonly IProgress<ProgressStep> _display;

    private SnapshotProgressAdapter(IProgress<ProgressStep> display) => _display = display;

    public static SnapshotProgressAdapter? For(IProgress<ProgressStep>? display) => display is null ? null : new SnapshotProgressAdapter(display);

    public void Report(SnapshotProgress value) => _display.Report(new ProgressStep(value.ProcessedBytes, value.TotalBytes));
}
