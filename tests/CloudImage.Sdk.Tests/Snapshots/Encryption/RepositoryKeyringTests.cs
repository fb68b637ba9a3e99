using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots.Encryption;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots.Encryption;

public sealed class RepositoryKeyringTests : IDisposable
{
    private readonly MemoryObjectStore _store = new();
    private readonly KeyProvider _alice = KeyProviderTests.Make("key-file", 1);
    private readonly KeyProvider _bob = KeyProviderTests.Make("passphrase", 2);
    private readonly KeyProvider _carol = KeyProviderTests.Make("ecdh-p256", 3);

    public void Dispose()
    {
        _store.Dispose();
        _alice.Dispose();
        _bob.Dispose();
        _carol.Dispose();
    }

    [Fact]
    public async Task Open_ByEachHolder_GivesTheSameKeys()
    {
        FrameSealer sealer = (await RepositoryKeyring.CreateAsync(_store, [_alice, _bob], default)).CreateSealer();
        byte[] sealedDescriptor = sealer.SealDescriptor("s/1"u8, "text"u8);
        foreach (KeyProvider holder in new[] { _alice, _bob })
        {
            FrameSealer opened = (await RepositoryKeyring.OpenAsync(_store, holder)).CreateSealer();
            Assert.Equal("text"u8.ToArray(), opened.TryOpenDescriptor("s/1"u8, sealedDescriptor));
            Assert.Null(opened.TryOpenDescriptor("s/2"u8, sealedDescriptor));
            Assert.Equal(sealer.HashName("web"), opened.HashName("web"));
            Assert.Equal(sealer.IdOf(default), opened.IdOf(default));
        }

        RepositoryKeyException exception = await Assert.ThrowsAsync<RepositoryKeyException>(async () => await RepositoryKeyring.OpenAsync(_store, _carol));
        Assert.Contains("pbkdf2", exception.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<RepositoryKeyException>(async () => await RepositoryKeyring.OpenAsync(new MemoryObjectStore(), _alice));
    }

    [Fact]
    public async Task AddedHolder_OpensAndRemovedHolderDoesNot()
    {
        RepositoryKeyring keyring = await RepositoryKeyring.CreateAsync(_store, [_alice], default);
        string id = await keyring.AddHolderAsync(_carol);
        Assert.Equal(1, (await RepositoryKeyring.OpenAsync(_store, _carol)).CurrentEpoch);
        IReadOnlyList<RepositoryKeySlot> slots = await RepositoryKeyring.ListAsync(_store);
        Assert.Equal(["ecdh", "key-file"], slots.Select(slot => slot.Kind).Order(StringComparer.Ordinal));
        Assert.Equal(_carol.Holder, slots.Single(slot => slot.Id == id).Holder);

        await keyring.RemoveHolderAsync(id);
        await Assert.ThrowsAsync<RepositoryKeyException>(async () => await RepositoryKeyring.OpenAsync(_store, _carol));
        await Assert.ThrowsAsync<RepositoryKeyException>(async () => await keyring.RemoveHolderAsync(id));
        string last = (await RepositoryKeyring.ListAsync(_store)).Single().Id;
        await Assert.ThrowsAsync<RepositoryKeyException>(async () => await keyring.RemoveHolderAsync(last));
        Assert.Equal(1, (await RepositoryKeyring.OpenAsync(_store, _alice)).CurrentEpoch);
    }

    [Fact]
    public async Task NewEpoch_SealsWithNewKeysAndReadsTheOld()
    {
        RepositoryKeyring keyring = await RepositoryKeyring.CreateAsync(_store, [_alice, _bob], default);
        FrameSealer first = keyring.CreateSealer();
        byte[] old = Seal(first, "old");
        Assert.Equal(2, await keyring.AddEpochAsync([_alice]));

        FrameSealer second = (await RepositoryKeyring.OpenAsync(_store, _alice)).CreateSealer();
        byte[] young = Seal(second, "new");
        Assert.Equal("old", Open(second, old));
        Assert.Equal("new", Open(second, young));
        Assert.Null(Open(first, young));
        Assert.NotEqual(first.IdOf(default), second.IdOf(default));
        Assert.True(second.IsIdOf(first.IdOf(default), default));
        Assert.True(second.IsIdOf(second.IdOf(default), default));
        Assert.False(first.IsIdOf(second.IdOf(default), default));
        Assert.Equal(first.HashName("web"), second.HashName("web"));

        // Bob has the first epoch alone.
        FrameSealer bobs = (await RepositoryKeyring.OpenAsync(_store, _bob)).CreateSealer();
        Assert.Equal("old", Open(bobs, old));
        Assert.Null(Open(bobs, young));
    }

    [Fact]
    public async Task DestroyedEpoch_IsGoneForAllAndTheOthersStay()
    {
        RepositoryKeyring keyring = await RepositoryKeyring.CreateAsync(_store, [_alice, _bob], default);
        byte[] old = Seal(keyring.CreateSealer(), "old");
        await keyring.AddEpochAsync([_alice]);
        byte[] young = Seal(keyring.CreateSealer(), "new");
        await keyring.DestroyEpochAsync(1);

        FrameSealer sealer = (await RepositoryKeyring.OpenAsync(_store, _alice)).CreateSealer();
        Assert.Null(Open(sealer, old));
        Assert.Equal("new", Open(sealer, young));
        await Assert.ThrowsAsync<RepositoryKeyException>(async () => await RepositoryKeyring.OpenAsync(_store, _bob));
        await Assert.ThrowsAsync<RepositoryKeyException>(async () => await keyring.DestroyEpochAsync(1));
        Assert.Equal(3, await keyring.AddEpochAsync([_alice]));
    }

    [Fact]
    public async Task Epochs_BegunAtOnce_HaveOneMasterKey()
    {
        await RepositoryKeyring.CreateAsync(_store, [_alice], default);
        int losers = 0;
        await Task.WhenAll(Enumerable.Range(0, 8).Select(index => Task.Run(async () =>
        {
            RepositoryKeyring keyring = await RepositoryKeyring.OpenAsync(_store, _alice);
            try
            {
                await keyring.AddEpochAsync([_alice]);
            }
            catch (RepositoryKeyException)
            {
                System.Threading.Interlocked.Increment(ref losers);
            }
        })));
        IReadOnlyList<RepositoryKeySlot> slots = await RepositoryKeyring.ListAsync(_store);
        Assert.Equal(slots.Count, slots.Select(slot => slot.Epoch).Distinct().Count());
        Assert.Equal(9 - losers, slots.Count);
    }

    [Fact]
    public async Task Crash_AtEveryStepOfAChange_LeavesKeysThatOpen()
    {
        var initial = new CrashingObjectStore(0, long.MaxValue, false, null);
        await RepositoryKeyring.CreateAsync(initial, [_alice, _carol], default);
        Dictionary<string, byte[]> start = initial.Recover();
        for (long step = 1; step <= 12; step++)
        {
            for (int seed = 0; seed < 6; seed++)
            {
                await using var store = new CrashingObjectStore(seed, step, false, start);
                bool isDone = false;
                try
                {
                    RepositoryKeyring keyring = await RepositoryKeyring.OpenAsync(store, _alice);
                    await keyring.AddHolderAsync(_carol);
                    await keyring.AddEpochAsync([_alice, _carol]);
                    await keyring.RemoveHolderAsync((await RepositoryKeyring.ListAsync(store)).First(slot => slot.Kind == "ecdh" && slot.Epoch == 1).Id);
                    isDone = true;
                }
                catch (SimulatedCrashException)
                {
                    Assert.True(store.HasCrashed);
                }

                await using var after = new CrashingObjectStore(seed, long.MaxValue, false, store.Recover());
                long epoch = (await RepositoryKeyring.OpenAsync(after, _alice)).CurrentEpoch;
                Assert.True(!isDone || epoch == 2);
                Assert.Equal(epoch, (await RepositoryKeyring.OpenAsync(after, _carol)).CurrentEpoch);
            }
        }
    }

    [Fact]
    public async Task FlippedBit_InAKeyObject_IsFoundOrPassedBy()
    {
        await RepositoryKeyring.CreateAsync(_store, [_alice, _bob], default);
        Dictionary<string, byte[]> objects = await CopyAsync(_store);
        foreach ((string name, byte[] content) in objects)
        {
            for (int index = 0; index < content.Length; index += 3)
            {
                var damaged = new Dictionary<string, byte[]>(objects, StringComparer.Ordinal) { [name] = [.. content] };
                damaged[name][index] ^= (byte)(1 << (index % 8));
                await using var store = new CrashingObjectStore(0, long.MaxValue, false, damaged);
                await Assert.ThrowsAsync<RepositoryKeyException>(async () => await RepositoryKeyring.ListAsync(store));
                try
                {
                    await RepositoryKeyring.OpenAsync(store, _alice);
                    Assert.NotEqual("key-file", KeyObject.Parse(name, content).Kind);
                }
                catch (RepositoryKeyException)
                {
                    Assert.NotEqual("pbkdf2", KeyObject.Parse(name, content).Kind);
                }
            }
        }
    }

    private static byte[] Seal(FrameSealer sealer, string text)
    {
        byte[] destination = new byte[text.Length + FrameSealer.Overhead];
        sealer.SealFrame(false, "header"u8, System.Text.Encoding.ASCII.GetBytes(text), destination);
        return destination;
    }

    private static string? Open(FrameSealer sealer, byte[] sealedFrame)
    {
        byte[] plain = new byte[sealedFrame.Length - FrameSealer.Overhead];
        return sealer.TryOpenFrame(false, "header"u8, sealedFrame, plain) && !sealer.TryOpenFrame(true, "header"u8, sealedFrame, new byte[plain.Length])
            ? System.Text.Encoding.ASCII.GetString(plain)
            : null;
    }

    private static async Task<Dictionary<string, byte[]>> CopyAsync(ObjectStore store)
    {
        var objects = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        await foreach (ObjectInfo info in store.ListAsync(string.Empty, null))
        {
            byte[] content = new byte[info.Length];
            await store.ReadAsync(info.Name, content, 0);
            objects.Add(info.Name, content);
        }

        return objects;
    }
}
