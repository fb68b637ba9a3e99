using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Storage;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots;

/// <summary>Seeded histories of captures, change maps, layers, restores and repairs, in one repository, against plain byte arrays.</summary>
public class HistoryTests
{
    private const int ChunkSize = SnapshotTestData.ChunkSize;

    // CLOUDIMAGE_MODEL_SEEDS=N runs N seeds.
    private static readonly int s_seeds = int.Parse(Environment.GetEnvironmentVariable("CLOUDIMAGE_MODEL_SEEDS") ?? "4", CultureInfo.InvariantCulture);

    [Fact]
    public async Task Repository_OfLayersRestoresAndRepairs_ReadsAsTheModel()
    {
        string folder = Directory.CreateTempSubdirectory("snapshots-history").FullName;
        try
        {
            for (int seed = 1; seed <= s_seeds; seed++)
            {
                await using History history = new(seed, Path.Combine(folder, $"{seed}.raw"));
                await history.RunAsync();
            }
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    private sealed class History(int seed, string path) : IAsyncDisposable
    {
        private readonly Random _random = new(seed);

        // What each snapshot reads as, and of a layer which of its chunks it holds.
        private readonly Dictionary<string, (byte[] Content, bool[]? Held)> _model = [];
        private readonly int _length = new Random(seed).Next(2, 20) * ChunkSize;
        private SnapshotRepository? _repository;
        private byte[] _disk = [];
        private string _what = string.Empty;

        public async Task RunAsync()
        {
            _repository = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
            _disk = SnapshotTestData.Mixed(_length, seed);
            await CaptureAsync(BlockMap.Empty);
            for (int step = 0; step < 14; step++)
            {
                int choice = _random.Next(7);
                _what = $"seed {seed}, step {step}, choice {choice}";
                await (choice switch
                {
                    0 or 1 => CaptureAsync(Change()),
                    2 => CaptureLayerAsync(),
                    3 or 4 => ComposeAsync(choice == 4),
                    5 => RestoreAsync(),
                    _ => RepairAsync(),
                });
                await CheckAsync();
            }

            VerifyResult verified = await _repository.VerifyAsync(VerifyOptions.Default, null);
            Assert.True(verified.IsHealthy, $"{_what}: {string.Join("; ", verified.Problems)}");
        }

        public ValueTask DisposeAsync() => _repository?.DisposeAsync() ?? ValueTask.CompletedTask;

        private async Task CaptureAsync(BlockMap changes)
        {
            bool usesMap = (await _repository!.FindLatestAsync("disk")) is not null && _random.Next(2) == 0;
            CaptureOptions options = new()
            {
                Image = "disk",
                ChangeMap = usesMap ? changes : null,
                Deduplication = _random.Next(2) == 0 ? ChunkDeduplication.Exact : ChunkDeduplication.Chain,
                Concurrency = _random.Next(1, 4),
            };
            _model.Add((await _repository.CaptureAsync(new ModelDisk(_disk), options, null)).Id, (_disk, null));
        }

        private BlockMap Change()
        {
            byte[] next = [.. _disk];
            int offset = _random.Next(next.Length);
            int length = Math.Min(next.Length - offset, _random.Next(1, 100_000));
            _random.NextBytes(next.AsSpan(offset, length));
            _disk = next;
            return new BlockMap([new DiskExtent(offset, length, DiskExtentKind.Data)]);
        }

        private async Task CaptureLayerAsync()
        {
            byte[] content = new byte[_length];
            bool[] held = [.. Enumerable.Range(0, _length / ChunkSize).Select(_ => _random.Next(3) == 0)];
            ModelDisk disk = new(SnapshotTestData.Mixed(_length, _random.Next()));
            for (int chunk = 0; chunk < held.Length; chunk++)
            {
                for (int grain = chunk * 16; !held[chunk] && grain < (chunk + 1) * 16; grain++)
                {
                    disk.SetKind(grain, DiskExtentKind.Unmapped);
                }

                disk.Content.AsSpan(chunk * ChunkSize, held[chunk] ? ChunkSize : 0).CopyTo(content.AsSpan(chunk * ChunkSize));
            }

            CaptureOptions options = new() { Image = "layer", AsLayer = true, Parent = SnapshotParent.None };
            _model.Add((await _repository!.CaptureAsync(disk, options, null)).Id, (content, held));
        }

        private async Task ComposeAsync(bool isFlat)
        {
            string[] layers = [.. _model.Where(static pair => pair.Value.Held is not null).Select(static pair => pair.Key).OrderBy(_ => _random.Next()).Take(_random.Next(1, 4))];
            string[] bases = _random.Next(2) == 0 ? [_model.First(static pair => pair.Value.Held is null).Key] : [];
            string[] ids = [.. layers, .. bases];
            if (ids.Length == 0)
            {
                return;
            }

            byte[] content = new byte[_length];
            bool[] held = new bool[_length / ChunkSize];
            for (int chunk = 0; chunk < held.Length; chunk++)
            {
                string? top = ids.FirstOrDefault(id => _model[id].Held?[chunk] ?? true);
                held[chunk] = top is not null;
                (top is null ? default : _model[top].Content.AsSpan(chunk * ChunkSize, ChunkSize)).CopyTo(content.AsSpan(chunk * ChunkSize));
            }

            CaptureResult result = isFlat
                ? await _repository!.FlattenAsync(ids, SnapshotTestData.Capture("flat"))
                : await _repository!.ComposeAsync(ids, SnapshotTestData.Capture("whole"));
            Assert.Equal(0, result.NewChunks);
            _model.Add(result.Id, (content, result.Snapshot.IsLayer ? held : null));
        }

        private async Task RestoreAsync()
        {
            string id = Any();
            if (!File.Exists(path) || _random.Next(3) == 0)
            {
                await File.WriteAllBytesAsync(path, SnapshotTestData.Mixed(_random.Next(1, 2 * _length), _random.Next()));
            }

            await _repository!.RestoreInPlaceAsync(id, path, null);
            byte[] restored = await File.ReadAllBytesAsync(path);
            Assert.True(restored.AsSpan().SequenceEqual(_model[id].Content), _what);
        }

        // Damages a pack, finds which snapshots that touches, and mends each of them from its disk.
        private async Task RepairAsync()
        {
            Dictionary<string, byte[]> objects = await SnapshotTestData.DumpAsync(_repository!.Store);
            string[] packs = [.. objects.Keys.Where(static name => name[0] is 'p' or 'm').Order(StringComparer.Ordinal)];
            string pack = packs[_random.Next(packs.Length)];
            objects[pack] = [.. objects[pack]];
            objects[pack][_random.Next(objects[pack].Length)] ^= (byte)(1 << _random.Next(8));
            await _repository.DisposeAsync();
            _repository = await SnapshotRepository.OpenAsync(await SnapshotTestData.StoreOfAsync(objects));
            foreach ((string id, (byte[] content, bool[]? held)) in _model.ToArray())
            {
                ModelDisk source = new(content);
                for (int grain = 0; held is not null && grain < content.Length / 4096; grain++)
                {
                    source.SetKind(grain, held[grain / 16] ? DiskExtentKind.Data : DiskExtentKind.Unmapped);
                }

                if (await _repository.RepairAsync(id, source) is { } repaired)
                {
                    _model.Remove(id);
                    _model.Add(repaired.Id, (content, held));
                }
            }

            // What no snapshot refers to any more is still there, and still damaged.
            await _repository.CollectAsync(CloudImage.Sdk.Snapshots.Collection.CollectOptions.Default, null);
        }

        private async Task CheckAsync()
        {
            Assert.Equal(_model.Keys.Order(StringComparer.Ordinal), (await _repository!.ListAsync()).Select(static snapshot => snapshot.Id).Order(StringComparer.Ordinal));
            for (int read = 0; read < 3; read++)
            {
                (byte[] content, bool[]? held) = _model[Any(out string id)];
                await using SnapshotDisk disk = await _repository.OpenDiskAsync(id);
                int offset = _random.Next(content.Length);
                int length = _random.Next(content.Length - offset);
                await using VirtualDisk range = disk.Slice(offset, length);
                byte[] actual = await SnapshotTestData.ReadAllAsync(range);
                Assert.True(content.AsSpan(offset, length).SequenceEqual(actual), $"{_what}: {id} at {offset}.");
                Assert.All(
                    range.GetExtents(0, length).Where(static extent => extent.Kind == DiskExtentKind.Unmapped),
                    extent => Assert.False(held![(int)((offset + extent.Offset) / ChunkSize)]));
            }
        }

        private string Any() => _model.Keys.ElementAt(_random.Next(_model.Count));

        private string Any(out string id) => id = Any();
    }
}
