using System;
using System.Collections.Concurrent;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Cli.Output;
using CloudImage.Sdk.Aws.Ebs;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Storage;

namespace CloudImage.Cli;

/// <summary>EBS snapshots by address: <c>ebs://snap-0123?region=eu-central-1</c> is read, <c>ebs://new?region=eu-central-1</c> written.</summary>
internal static class EbsSnapshots
{
    /// <summary>How many blocks are under way at once where the command line does not say.</summary>
    public const int DefaultThreads = 64;

    private const string Scheme = "ebs";
    private const string New = "new";

    // Quotas are counted in a client: all that a command does in one region goes through one.
    private static readonly ConcurrentDictionary<(string? Region, Uri? Endpoint), EbsDirectClient> s_clients = new();

    public static bool IsAddress(string text) => text.StartsWith(Scheme + "://", StringComparison.OrdinalIgnoreCase);

    /// <summary>Opens a snapshot as a disk: parameters region, endpoint and length.</summary>
    public static async ValueTask<VirtualDisk> OpenAsync(string text, CancellationToken cancellationToken)
    {
        (EbsDirectClient client, string id, EbsSnapshotDiskOptions options) = Read(text, static address =>
        {
            long? length = address.Take("length") is { } number ? ByteText.Parse(number) : null;
            return new EbsSnapshotDiskOptions { Length = length };
        });
        return await EbsSnapshotDisk.OpenAsync(client, id, options, cancellationToken);
    }

    /// <summary>Begins a new snapshot: parameters region, endpoint, parent, description, encrypted, kms-key, journal, timeout-minutes and no-wait.</summary>
    public static async ValueTask<EbsSnapshotWriter> CreateAsync(string text, long length, CancellationToken cancellationToken)
    {
        (EbsDirectClient client, string id, EbsSnapshotWriterOptions options) = Read(text, static address =>
        {
            string? kmsKey = address.Take("kms-key");
            return new EbsSnapshotWriterOptions
            {
                ParentSnapshotId = address.Take("parent"),
                Description = address.Take("description"),
                KmsKeyArn = kmsKey,
                Encrypted = address.TakeFlag("encrypted") || kmsKey is not null,
                JournalPath = address.Take("journal"),
                Timeout = address.TakeNumber("timeout-minutes", 10, 4320) is { } minutes ? TimeSpan.FromMinutes(minutes) : null,
                WaitsForCompletion = !address.TakeFlag("no-wait"),
            };
        });
        return id == New
            ? await EbsSnapshotWriter.CreateAsync(client, length, options, cancellationToken)
            : throw new UsageException($"A snapshot that exists cannot be written: say ebs://new?region=..., with parent={id} for an increment of it.");
    }

    /// <summary>Where a snapshot may differ from an older one of its volume.</summary>
    public static async Task<BlockMap> GetChangesAsync(string older, string newer, CancellationToken cancellationToken)
    {
        if (!IsAddress(newer))
        {
            throw new UsageException("The changes since an EBS snapshot are those of another EBS snapshot: DISK has to be one too.");
        }

        (_, string olderId, _) = Read(older, static address => address.Take("length"));
        (EbsDirectClient client, string newerId, _) = Read(newer, static address => address.Take("length"));
        return await EbsSnapshotDisk.GetChangesAsync(client, olderId, newerId, cancellationToken);
    }

    private static (EbsDirectClient Client, string Id, T Parameters) Read<T>(string text, Func<ObjectStoreAddress, T> read)
    {
        try
        {
            ObjectStoreAddress address = ObjectStoreAddress.Parse(text);
            (string? Region, Uri? Endpoint) place = (address.Take("region"), address.TakeUri("endpoint"));
            T parameters = read(address);
            address.ThrowIfAnyLeft();
            if (address.Prefix.Length > 0)
            {
                throw new UsageException($"'{address}' is no snapshot: ebs://snap-...?region=... or ebs://new?region=... was expected.");
            }

            EbsDirectClient client = s_clients.GetOrAdd(place, static place => new EbsDirectClient(new EbsClientOptions
            {
                Region = place.Region, Endpoint = place.Endpoint, MaxConcurrentRequests = DefaultThreads,
            }));
            return (client, address.Container, parameters);
        }
        catch (FormatException exception)
        {
            throw new UsageException(exception.Message);
        }
    }
}
