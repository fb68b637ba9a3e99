using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Tests.Snapshots;

/// <summary>Lets something else happen to the store right before, or right after, an object is created. Leaves the store to its owner.</summary>
internal sealed class HookedStore(ObjectStore inner) : DelegatingObjectStore(new UnownedStore(inner))
{
    private int _isBusy;

    /// <summary>Called with the number of the creation, from 1, and the name; not called for what it creates itself.</summary>
    public Func<int, string, Task>? BeforeCreate { get; set; }

    public Func<int, string, Task>? AfterCreate { get; set; }

    public int Creations { get; private set; }

    public override ObjectStoreCapabilities Capabilities { get; } = new() { IsLocal = true };

    protected override async ValueTask<bool> TryCreateCoreAsync(string name, ReadOnlyMemory<byte> content, ObjectCreateOptions options, CancellationToken cancellationToken)
    {
        int number = ++Creations;
        await CallAsync(BeforeCreate, number, name);
        bool isCreated = await base.TryCreateCoreAsync(name, content, options, cancellationToken);
        await CallAsync(AfterCreate, number, name);
        return isCreated;
    }

    protected override async ValueTask<ObjectUpload> BeginCreateCoreAsync(string name, ObjectCreateOptions options, CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        return new BufferedObjectUpload(this, name, options);
    }

    private async Task CallAsync(Func<int, string, Task>? hook, int number, string name)
    {
        if (hook is not null && Interlocked.Exchange(ref _isBusy, 1) == 0)
        {
            await hook(number, name);
            _isBusy = 0;
        }
    }
}
