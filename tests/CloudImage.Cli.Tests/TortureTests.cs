using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Raw;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Encryption;
using CloudImage.Sdk.Storage;
using Xunit;

namespace CloudImage.Cli.Tests;

/// <summary>Processes that capture, resume, delete, collect and restore in place are killed at random moments; nothing committed is lost, and no wrong byte is read.</summary>
public sealed class TortureTests : CommandTests
{
    private const int Block = 4096;

    // CLOUDIMAGE_TORTURE_ROUNDS=N kills N processes, CLOUDIMAGE_TORTURE_SEED=N other ones.
    private static readonly int s_rounds = int.Parse(Environment.GetEnvironmentVariable("CLOUDIMAGE_TORTURE_ROUNDS") ?? "10", CultureInfo.InvariantCulture);
    private static readonly int s_seed = int.Parse(Environment.GetEnvironmentVariable("CLOUDIMAGE_TORTURE_SEED") ?? "1", CultureInfo.InvariantCulture);

    // What was reported, or was found committed after a kill, and the digest of the disk at that time.
    private readonly Dictionary<string, ContentDigest> _committed = [];
    private readonly HashSet<string> _givenUp = [];
    private readonly Dictionary<string, double> _seconds = [];
    private readonly Dictionary<string, int> _killed = [];
    private readonly Random _random = new(s_seed);
    private readonly byte[] _disk = new byte[s_rounds > 50 ? 192 << 20 : 80 << 20];
    private ContentDigest _digest;
    private string? _mixture;
    private int _prefetched;

    [Fact]
    public async Task KilledAtRandomMoments_LosesNothingCommitted()
    {
        KeyFileProvider.Create(PathOf("key"));
        await SucceedAsync("repo", "init", "repo", "--encryption", "aes256gcm", "--key", "file:key");
        for (int round = 0; round < s_rounds; round++)
        {
            string what = $"seed {s_seed}, round {round}";
            await RunRoundAsync(what);
            await CheckAsync(what);
        }

        int kills = _killed.Values.Sum();
        TestContext.Current.SendDiagnosticMessage("Seed {0}: {1} of {2} processes were killed: {3}. {4} snapshots were committed, {5} chunks fetched by traces.", s_seed, kills, s_rounds,
            string.Join(", ", _killed.Select(static pair => $"{pair.Key} {pair.Value}")), _committed.Count + _givenUp.Count, _prefetched);
        Assert.InRange(kills, s_rounds / 4, s_rounds);

        // Left alone, everything works: what is there is whole, and a capture, a collection and a restore go through.
        _killed.Clear();
        await EndMixtureAsync();
        Change();
        string last = (await SucceedAsync("snapshot", "create", "repo", "disk.raw", "--image", "disk", "--key", "file:key", "--json")).Json.GetProperty("id").GetString()!;
        _committed.Add(last, _digest);
        await SucceedAsync("repo", "gc", "repo", "--key", "file:key");
        await SucceedAsync("snapshot", "verify", "repo", "--key", "file:key");
        await CheckAsync($"seed {s_seed}, at the end");
    }

    private async Task RunRoundAsync(string what)
    {
        string[] ids = [.. _committed.Keys.Order(StringComparer.Ordinal)];
        string? interrupted = await FindInterruptedAsync();
        int choice = _random.Next(14);
        if (interrupted is not null && choice < 6)
        {
            // The disk is still as it was: the capture that died is gone on with.
            await CaptureAsync("resume", "--resume", interrupted);
        }
        else if (choice < 6 || ids.Length < 2)
        {
            Change();
            await CaptureAsync("capture");
        }
        else if (choice < 8)
        {
            string id = ids[_random.Next(ids.Length)];
            await KillAsync("delete", "snapshot", "delete", "repo", id, "--key", "file:key");
            await using SnapshotRepository repository = await OpenAsync();
            if ((await repository.GetAsync(id)).IsRetired)
            {
                _committed.Remove(id);
                _givenUp.Add(id);
            }
        }
        else if (choice < 9)
        {
            // Sessions that died are given up by it now and then, so that their packs go as well.
            string[] more = _random.Next(2) == 0 ? ["--abort-idle", "0s"] : [];
            await KillAsync("collect", ["repo", "gc", "repo", "--key", "file:key", .. more]);
        }
        else if (choice < 12)
        {
            await RestoreAsync(ids[_random.Next(ids.Length)], what);
        }
        else
        {
            // What a machine reads first: kept, or dropped again.
            string id = ids[_random.Next(ids.Length)];
            string[] more = _random.Next(4) == 0 ? ["--drop"] : ["--range", $"{_random.Next(_disk.Length - Block)}:{Block}", "--range", $"{_random.Next(_disk.Length / 2)}:{4 << 20}"];
            await KillAsync("trace", ["snapshot", "trace", "repo", id, "--key", "file:key", "--json", .. more]);
        }
    }

    private async Task CaptureAsync(string name, params string[] more)
    {
        string[] arguments = ["snapshot", "create", "repo", "disk.raw", "--image", "disk", "--key", "file:key", "--durability", _random.Next(2) == 0 ? "none" : "flush", "--json", .. _random.Next(3) == 0 ? (string[])["--patch-frames", "false"] : [], .. more];
        CommandResult? result = await KillAsync(name, arguments);
        if (result is not null)
        {
            _committed.Add(result.Json.GetProperty("id").GetString()!, _digest);
            return;
        }

        await using SnapshotRepository repository = await OpenAsync();
        foreach (SnapshotInfo snapshot in await repository.ListAsync())
        {
            // Committed, and killed before it could say so.
            _committed.TryAdd(snapshot.Id, _digest);
        }
    }

    private async Task RestoreAsync(string id, string what)
    {
        string target = PathOf("target.raw");
        ContentDigest before = default;
        if (_mixture is null && File.Exists(target))
        {
            before = DigestOf(await File.ReadAllBytesAsync(target));
        }
        else if (!File.Exists(target))
        {
            await File.WriteAllBytesAsync(target, new byte[_disk.Length / 2]);
            before = DigestOf(new byte[_disk.Length / 2]);
        }

        if (await KillAsync("restore", "snapshot", "restore", "repo", id, "target.raw", "--in-place", "--key", "file:key") is not null)
        {
            _mixture = null;
            Assert.True(DigestOf(await File.ReadAllBytesAsync(target)) == _committed[id], what);
            return;
        }

        try
        {
            using VirtualDisk disk = DiskImage.Open(target, new DiskOpenOptions { Format = RawFormat.Instance });
            ContentDigest now = DigestOf(await File.ReadAllBytesAsync(target));
            Assert.True((now == before && _mixture is null) || now == _committed[id], $"{what}: the target opens, and is neither what it was nor the snapshot.");
            _mixture = null;
        }
        catch (CloudImageException exception) when (exception.Message.Contains("mixture", StringComparison.Ordinal))
        {
            _mixture = id;
        }
    }

    private async Task EndMixtureAsync()
    {
        if (_mixture is not null)
        {
            string id = _committed.Keys.First();
            await SucceedAsync("snapshot", "restore", "repo", id, "target.raw", "--in-place", "--key", "file:key");
            Assert.Equal(_committed[id], DigestOf(await File.ReadAllBytesAsync(PathOf("target.raw"))));
            _mixture = null;
        }
    }

    private async Task CheckAsync(string what)
    {
        await using SnapshotRepository repository = await OpenAsync();
        string[] listed = [.. (await repository.ListAsync()).Select(static snapshot => snapshot.Id).Order(StringComparer.Ordinal)];
        Assert.True(_committed.Keys.Order(StringComparer.Ordinal).SequenceEqual(listed), $"{what}: {listed.Length} snapshots are listed, of {_committed.Count}.");
        VerifyResult verified = await repository.VerifyAsync(new VerifyOptions { Level = VerifyLevel.Structure }, null);
        Assert.True(verified.IsHealthy, $"{what}: {string.Join("; ", verified.Problems)}");
        foreach (string id in listed.OrderBy(_ => _random.Next()).Take(what.EndsWith("end", StringComparison.Ordinal) ? int.MaxValue : 1))
        {
            await using SnapshotDisk disk = await repository.OpenDiskAsync(id);
            _prefetched += await disk.PrefetchAsync();
            byte[] content = new byte[disk.Length];
            await disk.ReadAsync(content, 0);
            Assert.True(DigestOf(content) == _committed[id], $"{what}: snapshot {id} reads wrong.");
        }
    }

    private async Task<string?> FindInterruptedAsync()
    {
        await using SnapshotRepository repository = await OpenAsync();
        IReadOnlyList<InterruptedCapture> interrupted = await repository.ListInterruptedAsync();
        return interrupted.Count > 0 ? interrupted[^1].SessionId : null;
    }

    private async Task<SnapshotRepository> OpenAsync()
    {
        using KeyFileProvider key = KeyFileProvider.Open(PathOf("key"));
        return await SnapshotRepository.OpenAsync(new DirectoryObjectStore(PathOf("repo")), new SnapshotRepositoryOpenOptions { Key = key });
    }

    private void Change()
    {
        // The first time everything, later a third of the disk: two packs and more for the long form's disk.
        int first = _committed.Count == 0 ? 0 : _random.Next(_disk.Length / Block * 2 / 3);
        Span<byte> changed = _committed.Count == 0 ? _disk : _disk.AsSpan(first * Block, _disk.Length / 3);
        if (_committed.Count == 0 || _random.Next(2) == 0)
        {
            _random.NextBytes(changed);
        }
        else
        {
            // Or a block here and there, as a database does.
            for (int count = _random.Next(1, 200); count > 0; count--)
            {
                _random.NextBytes(_disk.AsSpan(_random.Next(_disk.Length / Block) * Block, Block));
            }
        }

        File.WriteAllBytes(PathOf("disk.raw"), _disk);
        _digest = DigestOf(_disk);
    }

    // Runs the command and kills it, mostly before it would have ended.
    private async Task<CommandResult?> KillAsync(string name, params string[] arguments)
    {
        double expected = _seconds.GetValueOrDefault(name, 0.6);
        double delay = _random.NextDouble() * expected * 1.1;
        ProcessStartInfo start = new("dotnet", [Path.Combine(AppContext.BaseDirectory, "cloudimage.dll"), .. arguments])
        {
            WorkingDirectory = Folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        long begun = Stopwatch.GetTimestamp();
        using Process process = Process.Start(start)!;
        using MemoryStream output = new();
        Task copying = process.StandardOutput.BaseStream.CopyToAsync(output);
        Task<string> error = process.StandardError.ReadToEndAsync();
        await Task.WhenAny(process.WaitForExitAsync(), Task.Delay(TimeSpan.FromSeconds(delay)));
        bool isKilled = !process.HasExited;
        if (isKilled)
        {
            process.Kill();
        }

        await process.WaitForExitAsync();
        await copying;
        CommandResult result = new(process.ExitCode, output.ToArray(), await error);
        if (isKilled && process.ExitCode != 0)
        {
            _killed[name] = _killed.GetValueOrDefault(name) + 1;

            // It takes at least as long as it ran; a command that is always killed early gets more time next.
            _seconds[name] = Math.Max(expected, Math.Min(10, delay * 1.3));
            return null;
        }

        Assert.True(process.ExitCode == 0, $"seed {s_seed}: {result}");
        _seconds[name] = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        return result;
    }

    private static ContentDigest DigestOf(byte[] content) => Blake3.HashData(content);
}
