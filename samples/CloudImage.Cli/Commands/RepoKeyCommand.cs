using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Encryption;
using CloudImage.Sdk.Storage;

namespace CloudImage.Cli.Commands;

/// <summary>Who holds the keys of an encrypted repository.</summary>
internal static class RepoKeyCommand
{
    public static Command Create() => new("key", "Who holds the keys of an encrypted repository, and epochs of keys.") { CreateList(), CreateAdd(), CreateRemove(), CreateEpoch() };

    private static Command CreateList()
    {
        Argument<string> repository = Repository();
        Option<bool> json = SharedOptions.Json();
        Command command = new("list", "The holders of each epoch's keys. Needs no key.") { repository, json };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using ObjectStore store = await Stores.OpenAsync(parsed.GetRequiredValue(repository), WriteDurability.Flush, cancellationToken);
            IReadOnlyList<RepositoryKeySlot> slots = await RepositoryKeyring.ListAsync(store, cancellationToken);
            if (parsed.GetValue(json))
            {
                Report.Json([.. slots.Select(static slot => new KeySlotAnswer(slot.Epoch, slot.Id, slot.Kind, slot.Holder))], AnswerContext.Default.ListKeySlotAnswer);
            }
            else
            {
                Report.Table(["epoch", "holder", "kind", ""], slots.Select(static slot => new[] { $"{slot.Epoch}", slot.Id, slot.Kind, slot.Holder }));
            }

            return ExitCode.Success;
        });
        return command;
    }

    private static Command CreateAdd()
    {
        Argument<string> repository = Repository();
        Option<string> key = Key("--key", "The key of somebody who holds the keys.");
        Option<string> added = Key("--new-key", "The key of whoever shall hold them too.");
        Option<bool> json = SharedOptions.Json();
        Command command = new("add", "Give a further holder the keys of every epoch.") { repository, key, added, json };
        command.SetAction((parsed, cancellationToken) => WithKeyringAsync(parsed.GetRequiredValue(repository), parsed.GetRequiredValue(key), async keyring =>
        {
            using KeyProvider holder = Keys.Open(parsed.GetRequiredValue(added));
            Tell("added", await keyring.AddHolderAsync(holder, cancellationToken), parsed.GetValue(json));
        }, cancellationToken));
        return command;
    }

    private static Command CreateRemove()
    {
        Argument<string> repository = Repository();
        Argument<string> holder = new("HOLDER") { Description = "The holder, as 'repo key list' names it." };
        Option<string> key = Key("--key", "The key of somebody who holds the keys.");
        Option<bool> json = SharedOptions.Json();
        Command command = new("remove", "Take the keys from a holder. Who kept a copy of them keeps it: begin a new epoch then.") { repository, holder, key, json };
        command.SetAction((parsed, cancellationToken) => WithKeyringAsync(parsed.GetRequiredValue(repository), parsed.GetRequiredValue(key), async keyring =>
        {
            await keyring.RemoveHolderAsync(parsed.GetRequiredValue(holder), cancellationToken);
            Tell("removed", parsed.GetRequiredValue(holder), parsed.GetValue(json));
        }, cancellationToken));
        return command;
    }

    private static Command CreateEpoch()
    {
        Argument<string> repository = Repository();
        Option<string> key = Key("--key", "The key of somebody who holds the keys; he holds those of the new epoch too.");
        Option<string[]> others = new("--new-key") { Description = "A further holder of the new epoch's keys; may be given several times.", HelpName = "env:NAME|file:PATH|cert:PATH|argon2:..." };
        Option<long> destroy = new("--destroy") { Description = "Instead, delete the keys of this epoch for every holder: what was stored in it is lost for ever.", HelpName = "EPOCH" };
        Option<bool> confirm = new("--yes") { Description = "With --destroy: it is meant." };
        Option<bool> json = SharedOptions.Json();
        Command command = new("epoch", "Begin a new epoch: what is stored from now on has new keys. Or destroy an old one.") { repository, key, others, destroy, confirm, json };
        command.SetAction((parsed, cancellationToken) => WithKeyringAsync(parsed.GetRequiredValue(repository), parsed.GetRequiredValue(key), async keyring =>
        {
            long epoch = parsed.GetValue(destroy);
            if (epoch != 0)
            {
                if (!parsed.GetValue(confirm))
                {
                    throw new UsageException($"Everything that was stored in epoch {epoch} would be lost for ever. Say --yes where that is meant.");
                }

                await keyring.DestroyEpochAsync(epoch, cancellationToken);
                Tell("destroyed", epoch.ToString(CultureInfo.InvariantCulture), parsed.GetValue(json));
                return;
            }

            List<KeyProvider> holders = [Keys.Open(parsed.GetRequiredValue(key)), .. (parsed.GetValue(others) ?? []).Select(Keys.Open)];
            try
            {
                Tell("begun", (await keyring.AddEpochAsync(holders, cancellationToken)).ToString(CultureInfo.InvariantCulture), parsed.GetValue(json));
            }
            finally
            {
                holders.ForEach(static holder => holder.Dispose());
            }
        }, cancellationToken));
        return command;
    }

    private static Argument<string> Repository() => new("REPO") { Description = "The repository." };

    private static Option<string> Key(string name, string description) => new(name) { Description = description, Required = true, HelpName = "env:NAME|file:PATH|cert:PATH|argon2:..." };

    private static async Task<int> WithKeyringAsync(string repository, string key, Func<RepositoryKeyring, Task> work, CancellationToken cancellationToken)
    {
        await using ObjectStore store = await Stores.OpenAsync(repository, WriteDurability.Flush, cancellationToken);
        using KeyProvider holder = Keys.Open(key);
        await work(await RepositoryKeyring.OpenAsync(store, holder, cancellationToken));
        return ExitCode.Success;
    }

    private static void Tell(string what, string name, bool json)
    {
        if (json)
        {
            Report.Json(new KeyChangeAnswer(what, name), AnswerContext.Default.KeyChangeAnswer);
        }
        else
        {
            Console.Out.WriteLine($"{name}  {what}");
        }
    }
}
