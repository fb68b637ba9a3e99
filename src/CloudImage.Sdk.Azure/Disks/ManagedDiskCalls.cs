using System;
using System.Globalization;
using System.Threading;
using System.Threading.Tasks;
using Azure;
using Azure.Core;
using Azure.ResourceManager;
using Azure.ResourceManager.Compute;
using Azure.ResourceManager.Compute.Models;

namespace CloudImage.Sdk.Azure.Disks;

/// <summary>The calls to the resource manager that disks need, with their faults mapped.</summary>
internal sealed class ManagedDiskCalls(ArmClient client, TimeSpan pollInterval)
{
    private const string SnapshotType = "Microsoft.Compute/snapshots";
    private const string DiskType = "Microsoft.Compute/disks";

    public static bool IsSnapshot(ResourceIdentifier id) => id.ResourceType == SnapshotType;

    public static void ThrowIfNoDisk(ResourceIdentifier id, string parameter, bool allowsSnapshot)
    {
        ArgumentNullException.ThrowIfNull(id, parameter);
        if (id.ResourceType != DiskType && !(allowsSnapshot && IsSnapshot(id)))
        {
            throw new ArgumentException($"'{id}' is no id of a managed disk{(allowsSnapshot ? " or a snapshot" : string.Empty)}: /subscriptions/S/resourceGroups/G/providers/Microsoft.Compute/disks/NAME was expected.", parameter);
        }
    }

    /// <summary>Gives out a signed address of the content.</summary>
    public ValueTask<Uri> GrantAsync(ResourceIdentifier id, AccessLevel access, TimeSpan duration, CancellationToken cancellationToken) =>
        RunAsync($"Granting access to {id.Name}", async () =>
        {
            GrantAccessData request = new(access, (int)duration.TotalSeconds);
            ArmOperation<AccessUri> operation = IsSnapshot(id)
                ? await client.GetSnapshotResource(id).GrantAccessAsync(WaitUntil.Started, request, cancellationToken).ConfigureAwait(false)
                : await client.GetManagedDiskResource(id).GrantAccessAsync(WaitUntil.Started, request, cancellationToken).ConfigureAwait(false);
            await WaitAsync(operation, cancellationToken).ConfigureAwait(false);
            AccessUri result = operation.Value;
            return Uri.TryCreate(result.AccessSas, UriKind.Absolute, out Uri? address)
                ? address
                : throw new AzureDiskException($"Granting access to {id.Name} gave no address. The endpoint may not be the resource manager.");
        }, cancellationToken);

    /// <summary>Takes all signed addresses of a disk or a snapshot back.</summary>
    public ValueTask<bool> RevokeAsync(ResourceIdentifier id, CancellationToken cancellationToken) =>
        RunAsync($"Ending the access to {id.Name}", async () =>
        {
            ArmOperation operation = IsSnapshot(id)
                ? await client.GetSnapshotResource(id).RevokeAccessAsync(WaitUntil.Started, cancellationToken).ConfigureAwait(false)
                : await client.GetManagedDiskResource(id).RevokeAccessAsync(WaitUntil.Started, cancellationToken).ConfigureAwait(false);
            await WaitAsync(operation, cancellationToken).ConfigureAwait(false);
            return true;
        }, cancellationToken);

    /// <summary>What the service knows of a disk; null where there is none.</summary>
    public ValueTask<ManagedDiskData?> FindDiskAsync(ResourceIdentifier id, CancellationToken cancellationToken) =>
        RunAsync<ManagedDiskData?>($"Looking for {id.Name}", async () =>
        {
            try
            {
                return (await client.GetManagedDiskResource(id).GetAsync(cancellationToken).ConfigureAwait(false)).Value.Data;
            }
            catch (RequestFailedException exception) when (exception.Status == 404 && exception.ErrorCode is not "ResourceGroupNotFound" and not "SubscriptionNotFound")
            {
                return null;
            }
        }, cancellationToken);

    public ValueTask<bool> CreateDiskAsync(ResourceIdentifier id, ManagedDiskData data, CancellationToken cancellationToken) =>
        RunAsync($"Creating {id.Name}", async () =>
        {
            ManagedDiskCollection disks = client.GetResourceGroupResource(id.Parent!).GetManagedDisks();
            ArmOperation<ManagedDiskResource> operation = await disks.CreateOrUpdateAsync(WaitUntil.Started, id.Name, data, cancellationToken).ConfigureAwait(false);
            await WaitAsync(operation, cancellationToken).ConfigureAwait(false);
            return true;
        }, cancellationToken);

    public ValueTask<bool> DeleteDiskAsync(ResourceIdentifier id, CancellationToken cancellationToken) =>
        RunAsync($"Deleting {id.Name}", async () =>
        {
            ArmOperation operation = await client.GetManagedDiskResource(id).DeleteAsync(WaitUntil.Started, cancellationToken).ConfigureAwait(false);
            await WaitAsync(operation, cancellationToken).ConfigureAwait(false);
            return true;
        }, cancellationToken);

    // The vendor's own wait asks once a second at most, whatever it is told.
    private async ValueTask WaitAsync(Operation operation, CancellationToken cancellationToken)
    {
        while (!operation.HasCompleted)
        {
            TimeSpan delay = pollInterval;
            if (operation.GetRawResponse().Headers.TryGetValue("Retry-After", out string? text) && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds) && seconds > delay.TotalSeconds)
            {
                delay = TimeSpan.FromSeconds(Math.Min(seconds, 60));
            }

            await Task.Delay(delay, cancellationToken).ConfigureAwait(false);
            await operation.UpdateStatusAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private static async ValueTask<T> RunAsync<T>(string what, Func<ValueTask<T>> call, CancellationToken cancellationToken)
    {
        try
        {
            return await call().ConfigureAwait(false);
        }
        catch (Exception exception) when (AzureDiskFaults.IsFault(exception, cancellationToken))
        {
            throw AzureDiskFaults.MapManaged(exception, what);
        }
    }
}
