using System.Collections.Generic;
using System.Threading;

namespace CloudImage.Sdk.Formats.Archives;

/// <summary>Keeps the blocks of decoded content that were used last, up to a number of bytes. Thread-safe.</summary>
internal sealed class PlainBlockCache
{
    private readonly Lock _lock = new();
    private readonly Dictionary<long, LinkedListNode<(long Key, byte[] Content)>> _nodes = [];
    private readonly LinkedList<(long Key, byte[] Content)> _byAge = new();
    private readonly long _capacity;
    private long _size;

    public PlainBlockCache(long capacity) => _capacity = capacity;

    public byte[]? Find(long key)
    {
        lock (_lock)
        {
            if (!_nodes.TryGetValue(key, out LinkedListNode<(long Key, byte[] Content)>? node))
            {
                return null;
            }

            _byAge.Remove(node);
            _byAge.AddFirst(node);
            return node.Value.Content;
        }
    }

    public void Add(long key, byte[] content)
    {
        lock (_lock)
        {
            if (_nodes.ContainsKey(key))
            {
                return;
            }

            _nodes.Add(key, _byAge.AddFirst((key, content)));
            _size += content.Length;
            while (_size > _capacity && _byAge.Count > 1 && _byAge.Last is { } oldest)
            {
                _byAge.RemoveLast();
                _nodes.Remove(oldest.Value.Key);
                _size -= oldest.Value.Content.Length;
            }
        }
    }
}
