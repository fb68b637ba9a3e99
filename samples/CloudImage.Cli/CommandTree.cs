using System.CommandLine;
using CloudImage.Cli.Commands;

namespace CloudImage.Cli;

/// <summary>All commands, as the help shows them.</summary>
internal static class CommandTree
{
    public static RootCommand Create()
    {
        RootCommand root = new("Disk images of every format, and incremental snapshot repositories. Exit code: 0 done or yes, 1 the answer is no (differs, corrupt), 2 could not do it.");
        root.Add(InfoCommand.Create());
        root.Add(MapCommand.Create());
        root.Add(ConvertCommand.Create());
        root.Add(CompareCommand.Create());
        root.Add(HashCommand.Create());
        root.Add(CheckCommand.Create());
        root.Add(ResizeCommand.Create());
        root.Add(ApplyCommand.Create());
        root.Add(FormatsCommand.Create());
        root.Add(new Command("snapshot", "Snapshots of disks in a repository.")
        {
            SnapshotCreateCommand.Create(),
            SnapshotListCommand.Create(),
            SnapshotShowCommand.Create(),
            SnapshotDiffCommand.Create(),
            SnapshotApplyCommand.Create(),
            SnapshotVerifyCommand.Create(),
            SnapshotRestoreCommand.Create(),
            SnapshotDeleteCommand.Create(),
            SnapshotPruneCommand.Create(),
            SnapshotHoldCommand.Create(),
            SnapshotTraceCommand.Create(),
            SnapshotSignCommand.Create(),
            SnapshotProveCommand.Create(),
            SnapshotVerifyProofCommand.Create(),
        });
        root.Add(new Command("repo", "Snapshot repositories.")
        {
            RepoInitCommand.Create(),
            RepoStatsCommand.Create(),
            RepoGcCommand.Create(),
            RepoProbeCommand.Create(),
            RepoCopyCommand.Create(),
            RepoKeyCommand.Create(),
        });
        return root;
    }
}
