using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.OpenStack.Identity;
using CloudImage.Sdk.OpenStack.Swift;
using CloudImage.Sdk.OpenStack.Tests.Support;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.OpenStack.Tests.Swift;

/// <summary>Debian's Swift behind a network that resets, cuts, damages and refuses.</summary>
public sealed class SwiftFaultTests(SwiftServer server)
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Store_ThroughAFaultyNetwork_KeepsWhatItSaysItKeeps(int seed)
    {
        await using FaultProxy proxy = new((await server.StartAsync()).Port);
        await using ObjectStore store = await OpenAsync(proxy);
        proxy.Choose = FaultProxy.Seeded(
            seed, 0.25, ProxyFault.ResetBeforeRequest, ProxyFault.ResetWithinRequest, ProxyFault.LoseResponse, ProxyFault.ResetWithinResponse, ProxyFault.TruncateResponse, ProxyFault.Unavailable, ProxyFault.UnavailableAfterRequest);
        for (int index = 0; index < 15; index++)
        {
            byte[] content = Make(20_000 + index, (100 * seed) + index);
            Assert.True(await store.TryCreateAsync($"o/{index}", content, ObjectCreateOptions.Default), $"seed {seed}, object {index}");
            Assert.Equal(content, await ReadAsync(store, $"o/{index}"));
        }

        await store.DeleteAsync([.. Enumerable.Range(0, 10).Select(static index => $"o/{index}")]);
        List<string> names = [];
        await foreach (ObjectInfo info in store.ListAsync("o/", null))
        {
            names.Add(info.Name);
        }

        Assert.Equal(["o/10", "o/11", "o/12", "o/13", "o/14"], names);
        Assert.Contains(proxy.Requests, static request => request.Fault != ProxyFault.None);
    }

    /// <summary>A flipped bit on the way is noticed by the MD5, on either side, and the call made again.</summary>
    [Fact]
    public async Task DamagedBodies_AreNoticedAndSentAgain()
    {
        await using FaultProxy proxy = new((await server.StartAsync()).Port);
        await using ObjectStore store = await OpenAsync(proxy);
        byte[] content = Make(100_000, 77);
        int first = proxy.Requests.Count;
        proxy.Choose = request => request.Number == first ? ProxyFault.CorruptRequest : ProxyFault.None;
        Assert.True(await store.TryCreateAsync("a", content, ObjectCreateOptions.Default));
        int second = proxy.Requests.Count;
        Assert.Equal(first + 2, second);
        proxy.Choose = request => request.Number == second ? ProxyFault.CorruptResponse : ProxyFault.None;
        byte[] read = new byte[content.Length + 1];
        Assert.Equal(content.Length, await store.ReadAsync("a", read, 0));
        Assert.Equal(content, read.Take(content.Length));
        Assert.Equal(second + 2, proxy.Requests.Count);
    }

    /// <summary>A service that refuses everything ends in an error within the bounds of the retries, not in a hang.</summary>
    [Fact]
    public async Task Storm_OfRefusals_EndsInAClearError()
    {
        await using FaultProxy proxy = new((await server.StartAsync()).Port);
        using OpenStackConnection connection = await ConnectAsync(proxy);
        await using ObjectStore store = new RetryingObjectStore(
            await SwiftObjectStore.OpenAsync(connection, new SwiftObjectStoreOptions { Container = server.NewContainer(), CreateContainer = true }),
            new ObjectRetryOptions { MaximumAttempts = 4, FirstDelay = TimeSpan.FromMilliseconds(10) });
        proxy.Choose = static _ => ProxyFault.Unavailable;
        int before = proxy.Requests.Count;
        ObjectStoreException exception = await Assert.ThrowsAsync<ObjectStoreException>(async () => await store.TryCreateAsync("a", new byte[10], ObjectCreateOptions.Default));
        Assert.True(exception.IsTransient);
        Assert.Contains("503", exception.Message, StringComparison.Ordinal);
        Assert.Equal(before + 4, proxy.Requests.Count);
    }

    /// <summary>What a capture acknowledged through such a network is whole.</summary>
    [Fact]
    public async Task Capture_ThroughAFaultyNetwork_IsWhole()
    {
        await using FaultProxy proxy = new((await server.StartAsync()).Port);
        string container = server.NewContainer();
        byte[] content = Make(8 << 20, 5);
        string id;
        await using (SnapshotRepository repository = await SnapshotRepository.CreateAsync(await OpenAsync(proxy, container), new SnapshotRepositoryOptions()))
        {
            proxy.Choose = FaultProxy.Seeded(3, 0.15, ProxyFault.ResetBeforeRequest, ProxyFault.LoseResponse, ProxyFault.TruncateResponse, ProxyFault.Unavailable, ProxyFault.UnavailableAfterRequest, ProxyFault.CorruptRequest);
            using MemoryDisk disk = new(content);
            id = (await repository.CaptureAsync(disk, new CaptureOptions { Image = "faulty" }, null)).Id;
            proxy.Choose = static _ => ProxyFault.None;
        }

        await using SnapshotRepository reopened = await SnapshotRepository.OpenAsync(await server.OpenAsync($"swift://{container}"), new SnapshotRepositoryOpenOptions());
        await using VirtualDisk kept = await reopened.OpenDiskAsync(id);
        byte[] read = new byte[content.Length];
        Assert.Equal(read.Length, await kept.ReadAsync(read, 0));
        Assert.Equal(content, read);
    }

    private static byte[] Make(int length, int seed)
    {
        byte[] content = new byte[length];
        new Random(seed).NextBytes(content);
        return content;
    }

    private static async Task<byte[]> ReadAsync(ObjectStore store, string name)
    {
        byte[] content = new byte[(await store.GetInfoAsync(name))!.Length];
        Assert.Equal(content.Length, await store.ReadAsync(name, content, 0));
        return content;
    }

    // The account's address comes from the service itself, and names its own port: requests go to the proxy's.
    private async Task<OpenStackConnection> ConnectAsync(FaultProxy proxy)
    {
        TestServer running = await server.StartAsync();
        return new OpenStackConnection(new OpenStackConnectionOptions
        {
            Credential = new TempAuthCredential(new Uri(running["auth"]), running["user"], running["key"]),
            Endpoints = new Dictionary<string, Uri> { ["object-store"] = new(running["endpoint"].Replace($":{running.Port}/", $":{proxy.Port}/", StringComparison.Ordinal)) },
        });
    }

    private Task<ObjectStore> OpenAsync(FaultProxy proxy) => OpenAsync(proxy, server.NewContainer());

    private async Task<ObjectStore> OpenAsync(FaultProxy proxy, string container)
    {
        OpenStackConnection connection = await ConnectAsync(proxy);
        SwiftObjectStore store = await SwiftObjectStore.OpenAsync(connection, new SwiftObjectStoreOptions { Container = container, CreateContainer = true });
        return new RetryingObjectStore(new OwningObjectStore(store, connection), new ObjectRetryOptions { MaximumAttempts = 12, FirstDelay = TimeSpan.FromMilliseconds(20) });
    }
}
