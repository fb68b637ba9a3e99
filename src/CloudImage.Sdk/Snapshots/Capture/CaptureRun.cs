using System;
using System.Collections.Concurrent;
using System.Threading;
using System.Threading.Channels;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots.Index;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Trees;

namespace CloudImage.Sdk.Snapshots.Capture;

/// <summary>
/// The pipeline of a capture: a planner, workers on threads of their own, and one writer that takes results in the
/// order of the disk. A bounded channel between planner and writer holds the memory down.
/// </summary>
internal sealed class CaptureRun
{
    private readonly CapturePlan _plan;
    private readonly PackStream _dataPacks;
    private readonly TreeBuilder _builder;
    private readonly Action<CaptureCounters> _progress;
    private readonly ConcurrentBag<byte[]> _frameBuffers = [];
    private readonly ConcurrentBag<byte[]> _plainBuffers = [];

    public CaptureRun(CapturePlan plan, PackStream dataPacks, TreeBuilder builder, Action<CaptureCounters> progress)
    {
        _plan = plan;
        _dataPacks = dataPacks;
        _builder = builder;
        _progress = progress;
    }

    public CaptureCounters Counters { get; } = new();

    /// <summary>Captures the disk into packs and tree.</summary>
    /// <returns>The root.</returns>
    public async Task<NodeRef> ExecuteAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using BlockingCollection<CaptureUnit> work = [];
        Channel<CaptureItem> ordered = Channel.CreateBounded<CaptureItem>(new BoundedChannelOptions(_plan.Window) { SingleReader = true, SingleWriter = true });
        Task planning = Task.Run(() => PlanAsync(ordered.Writer, work, stop.Token), CancellationToken.None);
        Task[] workers = new Task[_plan.Workers];
        for (int index = 0; index < workers.Length; index++)
        {
            workers[index] = Task.Factory.StartNew(() => Work(work, stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }

        try
        {
            await foreach (CaptureItem item in ordered.Reader.ReadAllAsync(stop.Token).ConfigureAwait(false))
            {
                await WriteAsync(item, stop.Token).ConfigureAwait(false);
            }

            await planning.ConfigureAwait(false);
            return await _builder.CompleteAsync(stop.Token).ConfigureAwait(false);
        }
        finally
        {
            // Nothing of this run may go on once it returned: the buffers and the disk are the caller's again.
            await stop.CancelAsync().ConfigureAwait(false);
            await planning.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await Task.WhenAll(workers).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await DrainAsync(ordered.Reader).ConfigureAwait(false);
        }
    }

    private async Task PlanAsync(ChannelWriter<CaptureItem> ordered, BlockingCollection<CaptureUnit> work, CancellationToken cancellationToken)
    {
        try
        {
            ICapturePlanner planner = _plan.CreatePlanner();
            await using (planner.ConfigureAwait(false))
            {
                await planner.RunAsync(EmitAsync, cancellationToken).ConfigureAwait(false);
            }

            ordered.Complete();
        }
        catch (Exception exception)
        {
            // The writer meets it as the end of the channel and throws it.
            ordered.TryComplete(exception);
        }
        finally
        {
            work.CompleteAdding();
        }

        async ValueTask EmitAsync(CaptureItem item, CancellationToken token)
        {
            await ordered.WriteAsync(item, token).ConfigureAwait(false);
            if (item.Unit is { } unit)
            {
                if (!_plan.Disk.IsLocal)
                {
                    unit.Plain = Rent(_plainBuffers, _plan.ChunksPerUnit * _plan.ChunkSize);
                    unit.Reading = CaptureWorker.ReadAheadAsync(_plan, unit, unit.Plain, token);
                }

                work.Add(unit, token);
            }
        }
    }

    private void Work(BlockingCollection<CaptureUnit> work, CancellationToken cancellationToken)
    {
        CaptureWorker worker = new(_plan, () => Rent(_frameBuffers, _plan.ChunksPerUnit * _plan.Context.Frames.MaxFrameLength(_plan.ChunkSize)));
        foreach (CaptureUnit unit in work.GetConsumingEnumerable(CancellationToken.None))
        {
            if (cancellationToken.IsCancellationRequested)
            {
                unit.Done.TrySetCanceled(CancellationToken.None);
                continue;
            }

            try
            {
                worker.Process(unit, cancellationToken);
                unit.Done.TrySetResult();
            }
            catch (Exception exception)
            {
                unit.Done.TrySetException(exception);
            }
        }
    }

    private async ValueTask WriteAsync(CaptureItem item, CancellationToken cancellationToken)
    {
        if (item.Leaf is null)
        {
            await _builder.AddSubtreeAsync(item.Reference, item.Level, item.Reach, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            if (item.Unit is { } unit)
            {
                await unit.Done.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
                await WriteAsync(unit, cancellationToken).ConfigureAwait(false);
            }

            if (item.EndsLeaf)
            {
                await _builder.AddLeafAsync(item.Leaf.Node, item.Leaf.Used, item.Leaf.ParentNode, item.Leaf.ParentRef, item.Leaf.Relatives, cancellationToken).ConfigureAwait(false);
            }
        }

        Counters.ProcessedBytes += item.DiskBytes;
        _progress(Counters);
    }

    private async ValueTask WriteAsync(CaptureUnit unit, CancellationToken cancellationToken)
    {
        for (int slot = 0; slot < unit.Entries.Count; slot++)
        {
            int entry = unit.Entries[slot];
            ChunkResult result = unit.Results[slot];
            switch (result.Outcome)
            {
                case ChunkOutcome.Zero:
                    Counters.ZeroChunks++;
                    break;
                case ChunkOutcome.New:
                    FramePlace place = await AppendAsync(unit, result, cancellationToken).ConfigureAwait(false);
                    unit.Leaf.Node.SetStored(entry, result.Digest, place);
                    Counters.DeclinedChunks += result.IsDeclined ? 1 : 0;
                    break;
                default:
                    unit.Leaf.Node.SetStored(entry, result.Digest, result.Place);
                    Counters.UnchangedChunks += result.Outcome == ChunkOutcome.Unchanged ? 1 : 0;
                    Counters.DuplicateChunks += result.Outcome == ChunkOutcome.Duplicate ? 1 : 0;
                    break;
            }
        }

        Counters.ReadBytes += unit.ReadBytes;
        Return(_frameBuffers, unit.Frames);
        Return(_plainBuffers, unit.Plain);
        unit.Frames = null;
        unit.Plain = null;
    }

    // Two workers may have found the same new chunk at the same time: the second one to come here shares the first one's frame.
    private async ValueTask<FramePlace> AppendAsync(CaptureUnit unit, ChunkResult result, CancellationToken cancellationToken)
    {
        if (_plan.Index is { } index && index.TryFindOwn(result.Header.Id, out FramePlace existing))
        {
            Counters.DuplicateChunks++;
            return existing with { Patch = result.Patch };
        }

        ReadOnlyMemory<byte> frame = unit.Frames.AsMemory(result.FrameOffset, result.Header.FrameLength);
        FramePlace place = await _dataPacks.AppendAsync(frame, result.Header, cancellationToken).ConfigureAwait(false);
        _plan.Index?.AddOwn(result.Header.Id, place);
        Counters.NewChunks++;
        return place with { Patch = result.Patch };
    }

    private static async ValueTask DrainAsync(ChannelReader<CaptureItem> ordered)
    {
        while (ordered.TryRead(out CaptureItem? item))
        {
            if (item.Unit?.Reading is { } reading)
            {
                await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private static byte[] Rent(ConcurrentBag<byte[]> buffers, int length) =>
        buffers.TryTake(out byte[]? buffer) ? buffer : GC.AllocateUninitializedArray<byte>(length);

    private static void Return(ConcurrentBag<byte[]> buffers, byte[]? buffer)
    {
        if (buffer is not null)
        {
            buffers.Add(buffer);
        }
    }
}
