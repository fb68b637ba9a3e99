using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using CloudImage.Cli.Output;
using CloudImage.Sdk.Formats;

namespace CloudImage.Cli.Commands;

/// <summary>Lists the formats.</summary>
internal static class FormatsCommand
{
    public static Command Create()
    {
        Option<bool> json = SharedOptions.Json();
        Command command = new("formats", "The formats, and what can be done with each.") { json };
        command.SetAction(parsed =>
        {
            List<FormatAnswer> answers = [.. DiskFormatRegistry.Default.Formats.Select(static format =>
                new FormatAnswer(format.Name, format.Description, format.FileExtensions, format.CanCreate, format.CanCheck, format.CanResize))];
            if (parsed.GetValue(json))
            {
                Report.Json(answers, AnswerContext.Default.ListFormatAnswer);
            }
            else
            {
                Report.Table(["name", "write", "check", "resize", "what it is"], answers.Select(static answer => new[]
                {
                    answer.Name, YesNo(answer.Create), YesNo(answer.Check), YesNo(answer.Resize), answer.Description,
                }));
            }

            return ExitCode.Success;
        });
        return command;
    }

    private static string YesNo(bool value) => value ? "yes" : "-";
}
