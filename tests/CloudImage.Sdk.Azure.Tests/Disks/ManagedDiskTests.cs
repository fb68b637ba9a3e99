using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using Azure.Core;
using Azure.ResourceManager;
using CloudImage.Sdk.Azure.Disks;
using CloudImage.Sdk.Azure.Tests.Fakes;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Azure.Tests.Disks;

/// <summary>Managed disks against the fake; only the vendor's clients and this package know the protocol.</summary>
public sealed class ManagedDiskTests : IAsyncLifetime
{
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(10);

    private AzureFake _fake = null!;
    private ArmClient _client = null!;

    public async ValueTask InitializeAsync()
    {
        _fake = await AzureFake.StartAsync();
        _client = FakeManagers.For(_fake);
    }

    public async ValueTask DisposeAsync() => await _fake.DisposeAsync();

    [Fact]
    public async Task AnUpload_MakesADisk_OfTheExactSize_WithoutItsZeros_AndEndsTheAccess()
    {
        using TestDisk source = TestDisk.Random(1, (20 << 20) + 512, 300_032, false);
        ResourceIdentifier id = new(AzureFake.DiskId("web"));
        await using (ManagedDiskWriter writer = await ManagedDiskWriter.CreateAsync(_client, id, source.Length, Options(generation: "V2"), TestContext.Current.CancellationToken))
        {
            Assert.Equal(21 << 20, writer.Length);
            Assert.Equal("ActiveUpload", _fake.Resource(id.ToString())!.State);
            await source.CopyToAsync(writer, DiskCopyOptions.Default, null, TestContext.Current.CancellationToken);
            await writer.CompleteAsync(TestContext.Current.CancellationToken);
            Assert.True(writer.SentByteCount < source.Length);
        }

        FakeManagedResource disk = _fake.Resource(id.ToString())!;
        Assert.Equal(["ReadyToUpload", "ActiveUpload", "Unattached"], disk.States);
        Assert.Equal(0, _fake.ActiveGrantCount);
        Assert.Equal((21 << 20) + 512, disk.UploadLength);
        Assert.Equal("V2", (string?)disk.Request["properties"]!["hyperVGeneration"]);
        Assert.Equal("Linux", (string?)disk.Request["properties"]!["osType"]);
        Assert.Equal("value", (string?)disk.Request["tags"]!["name"]);
        byte[] blob = _fake.Blob(disk.BlobName).Read(0, disk.UploadLength);
        Assert.True(source.ToArray().AsSpan().SequenceEqual(blob.AsSpan(0, (int)source.Length)));
        Assert.True(blob.AsSpan((21 << 20)).StartsWith("conectix"u8));
    }

    [Fact]
    public async Task AnUploadThatFails_EndsTheAccess_AndLeavesNoDisk()
    {
        ResourceIdentifier id = new(AzureFake.DiskId("broken"));
        await using (ManagedDiskWriter writer = await ManagedDiskWriter.CreateAsync(_client, id, 8 << 20, Options(), TestContext.Current.CancellationToken))
        {
            await writer.WriteAsync(Enumerable.Repeat((byte)1, 1 << 20).ToArray(), 0, TestContext.Current.CancellationToken);
            _fake.Interceptor = static line =>
            {
                if (line.Contains("comp=page", StringComparison.Ordinal))
                {
                    throw new FakeAnswerException(403, "AuthenticationFailed", "Signature not valid in the specified time frame.");
                }
            };
            AzureDiskAccessException exception = await Assert.ThrowsAsync<AzureDiskAccessException>(() => writer.CompleteAsync(TestContext.Current.CancellationToken).AsTask());
            Assert.DoesNotContain("sig=", exception.ToString(), StringComparison.Ordinal);
        }

        Assert.Equal(0, _fake.ActiveGrantCount);
        Assert.Null(_fake.Resource(id.ToString()));

        // Where not even the grant is given, nothing stays either.
        _fake.Interceptor = static line =>
        {
            if (line.Contains("beginGetAccess", StringComparison.Ordinal))
            {
                throw new FakeAnswerException(409, "OperationNotAllowed", "Not now.");
            }
        };
        await Assert.ThrowsAsync<AzureDiskStateException>(() => ManagedDiskWriter.CreateAsync(_client, id, 8 << 20, Options(), TestContext.Current.CancellationToken));
        Assert.Null(_fake.Resource(id.ToString()));
    }

    [Fact]
    public async Task ASecondUpload_IntoTheSameDisk_WritesZerosOverWhatTheFirstLeft()
    {
        ResourceIdentifier id = new(AzureFake.DiskId("again"));
        await using (ManagedDiskWriter first = await ManagedDiskWriter.CreateAsync(_client, id, 8 << 20, Options(deletes: false), TestContext.Current.CancellationToken))
        {
            await first.WriteAsync(Enumerable.Repeat((byte)1, 6 << 20).ToArray(), 0, TestContext.Current.CancellationToken);
        }

        Assert.Equal("ReadyToUpload", _fake.Resource(id.ToString())!.State);
        await Assert.ThrowsAsync<AzureDiskStateException>(() => ManagedDiskWriter.CreateAsync(_client, id, 8 << 20, Options(), TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<AzureDiskStateException>(() => ManagedDiskWriter.CreateAsync(_client, id, 9 << 20, Options(takes: true), TestContext.Current.CancellationToken));
        int clears = _fake.Count("comp=page");
        byte[] content = new byte[8 << 20];
        new Random(1).NextBytes(content.AsSpan(2 << 20, 1 << 20));
        await using (ManagedDiskWriter second = await ManagedDiskWriter.CreateAsync(_client, id, 8 << 20, Options(takes: true), TestContext.Current.CancellationToken))
        {
            // The first half by its zeros, the rest by never being written.
            await second.WriteAsync(content.AsMemory(0, 4 << 20), 0, TestContext.Current.CancellationToken);
            await second.CompleteAsync(TestContext.Current.CancellationToken);
        }

        Assert.True(_fake.Count("comp=page") > clears);
        FakeManagedResource disk = _fake.Resource(id.ToString())!;
        Assert.True(content.AsSpan().SequenceEqual(_fake.Blob(disk.BlobName).Read(0, content.Length)));
        Assert.Equal("Unattached", disk.State);
        await Assert.ThrowsAsync<AzureDiskStateException>(() => ManagedDiskWriter.CreateAsync(_client, id, 8 << 20, Options(takes: true), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task ASnapshot_IsReadOverAGrant_WhichDisposalTakesBack()
    {
        (string olderId, string newerId, byte[] content) = AddSnapshots("family");
        _ = olderId;
        ManagedSnapshotDisk container = await ManagedSnapshotDisk.OpenAsync(_client, new ResourceIdentifier(newerId), Reading, TestContext.Current.CancellationToken);
        Assert.Equal(1, _fake.ActiveGrantCount);
        await using (VirtualDisk disk = await DiskImage.OpenAsync(container, DiskOpenOptions.Default, TestContext.Current.CancellationToken))
        {
            Assert.Equal("vhd", disk.Info.FormatName);
            byte[] read = new byte[disk.Length];
            await disk.ReadAsync(read, 0, TestContext.Current.CancellationToken);
            Assert.True(content.AsSpan().SequenceEqual(read));
        }

        Assert.Equal(0, _fake.ActiveGrantCount);
    }

    [Fact]
    public async Task Changes_OfTwoIncrementalSnapshots_AreListed_AndBothGrantsEnd()
    {
        (string olderId, string newerId, byte[] content) = AddSnapshots("family");
        BlockMap changes = await ManagedSnapshotDisk.GetChangesAsync(_client, new ResourceIdentifier(olderId), new ResourceIdentifier(newerId), Reading, TestContext.Current.CancellationToken);
        Assert.Equal(0, _fake.ActiveGrantCount);
        Assert.Equal(
            [(1L << 20, 512L * 3, DiskExtentKind.Data), (5 << 20, 1 << 20, DiskExtentKind.Zero)],
            changes.Select(static change => (change.Offset, change.Length, change.Kind)));
        Assert.NotEmpty(content);

        (string strangerId, _, _) = AddSnapshots("another");
        await Assert.ThrowsAsync<AzureDiskChangedException>(() => ManagedSnapshotDisk.GetChangesAsync(_client, new ResourceIdentifier(strangerId), new ResourceIdentifier(newerId), Reading, TestContext.Current.CancellationToken));
        Assert.Equal(0, _fake.ActiveGrantCount);
    }

    [Fact]
    public async Task MoreThanFiveGrants_OfOneDisksSnapshots_AreRefused_AndSaid()
    {
        FakePageBlob blob = new((1 << 20) + 512);
        List<ManagedSnapshotDisk> open = [];
        for (int number = 0; number < 5; number++)
        {
            string id = _fake.AddSnapshot($"s{number}", "one", blob.Copy());
            open.Add(await ManagedSnapshotDisk.OpenAsync(_client, new ResourceIdentifier(id), Reading, TestContext.Current.CancellationToken));
        }

        string sixth = _fake.AddSnapshot("s5", "one", blob.Copy());
        AzureDiskStateException exception = await Assert.ThrowsAsync<AzureDiskStateException>(() => ManagedSnapshotDisk.OpenAsync(_client, new ResourceIdentifier(sixth), Reading, TestContext.Current.CancellationToken));
        Assert.Contains("Five", exception.Message, StringComparison.Ordinal);
        foreach (ManagedSnapshotDisk disk in open)
        {
            await disk.DisposeAsync();
        }

        Assert.Equal(0, _fake.ActiveGrantCount);
    }

    [Fact]
    public async Task WhatIsNotThere_OrNotAllowed_IsSaid()
    {
        await Assert.ThrowsAsync<AzureDiskNotFoundException>(() => ManagedSnapshotDisk.OpenAsync(_client, new ResourceIdentifier(AzureFake.SnapshotId("missing")), Reading, TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<AzureDiskAccessException>(() => ManagedSnapshotDisk.OpenAsync(FakeManagers.For(_fake, "wrong"), new ResourceIdentifier(AzureFake.SnapshotId("missing")), Reading, TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<ArgumentException>(() => ManagedDiskWriter.CreateAsync(_client, new ResourceIdentifier(AzureFake.SnapshotId("s")), 512, Options(), TestContext.Current.CancellationToken));
    }

    private static ManagedDiskReadOptions Reading => new() { PollInterval = s_poll, Client = PageBlobPlace.FewRetries };

    private static ManagedDiskWriterOptions Options(bool takes = false, bool deletes = true, string? generation = null) => new()
    {
        Location = "westeurope", PollInterval = s_poll, TakesExisting = takes, DeletesIncomplete = deletes, Client = PageBlobPlace.FewRetries,
        HyperVGeneration = generation, OperatingSystem = generation is null ? null : "Linux", Sku = "StandardSSD_LRS", Tags = new Dictionary<string, string> { ["name"] = "value" },
    };

    private (string OlderId, string NewerId, byte[] Content) AddSnapshots(string family)
    {
        byte[] content = TestDisk.Random(5, 8 << 20, 512 * 100, true).ToArray();
        content.AsSpan(5 << 20, 1 << 20).Fill(1);
        FakePageBlob blob = new(content.Length + 512);
        blob.Write(content, 0);
        blob.Write(Sdk.Formats.Vhd.VhdFormat.CreateFixedFooter(content.Length, new Sdk.Formats.Vhd.VhdOptions()), content.Length);
        string older = _fake.AddSnapshot($"{family}-1", family, blob.Copy());
        blob.Write(Enumerable.Repeat((byte)7, 512 * 3).ToArray(), 1 << 20);
        blob.Clear(5 << 20, 1 << 20);
        string newer = _fake.AddSnapshot($"{family}-2", family, blob.Copy());
        return (older, newer, blob.Read(0, content.Length));
    }
}
