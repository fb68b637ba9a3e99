using System;
using System.Threading.Tasks;
using Spectre.Console;

namespace CloudImage.Cli.Output;

/// <summary>Shows long work: a bar on a terminal, nothing but the result otherwise. Always on standard error.</summary>
internal static class ProgressDisplay
{
    /// <summary>Runs work that reports how far it is.</summary>
    public static async Task RunAsync(string title, bool isQuiet, Func<IProgress<ProgressStep>?, Task> work)
    {
        if (isQuiet || Console.IsErrorRedirected || Environment.GetEnvironmentVariable("TERM") == "dumb")
        {
            await work(null);
            return;
        }

        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        await console.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new DownloadedColumn(), new TransferSpeedColumn(), new RemainingTimeColumn())
            .StartAsync(async context =>
            {
                ProgressTask task = context.AddTask(Markup.Escape(title), maxValue: 1);
                await work(new Updater(task));
                task.Value = task.MaxValue;
            });
    }

    private sealed class Updater(ProgressTask task) : IProgress<ProgressStep>
    {
        public void Report(ProgressStep value)
        {
            task.MaxValue = Math.Max(1, value.Total);
            task.Value = value.Done;
        }
    }
}
