using System;
using CloudImage.Sdk.Disks;

namespace CloudImage.Cli.Output;

/// <summary>Passes the reports of copying and comparing on to the display.</summary>
internal sealed class DiskProgressAdapter : IProgress<DiskProgress>
{
    private readonly IProgress<ProgressStep> _display;

    private DiskProgressAdapter(IProgress<ProgressStep> display) => _display = display;

    public static DiskProgressAdapter? For(IProgress<ProgressStep>? display) => display is null ? null : new DiskProgressAdapter(display);

    public void Report(DiskProgress value) => _display.Report(new ProgressStep(value.BytesDone, value.BytesTotal));
}
