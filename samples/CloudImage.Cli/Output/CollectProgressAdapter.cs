using System;
using CloudImage.Sdk.Snapshots.Collection;

namespace CloudImage.Cli.Output;

/// <summary>Passes the reports of a collection on to the display.</summary>
internal sealed class CollectProgressAdapter : IProgress<CollectProgress>
{
    private readonly IProgress<ProgressStep> _display;

    private CollectProgressAdapter(IProgress<ProgressStep> display) => _display = display;

    public static CollectProgressAdapter? For(IProgress<ProgressStep>? display) => display is null ? null : new CollectProgressAdapter(display);

    public void Report(CollectProgress value) => _display.Report(new ProgressStep(value.Done, value.Total));
}
