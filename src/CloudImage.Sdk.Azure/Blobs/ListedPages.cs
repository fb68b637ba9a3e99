using System;
using System.Collections.Generic;
using System.Threading;

namespace CloudImage.Sdk.Azure.Blobs;

/// <summary>Remembers where pages of lists ended, so that a list which begins behind one need not begin at the front. Thread-safe.</summary>
internal sealed class ListedPages
{
    private const int Capacity = 256;

    private readonly Lock _lock = new();
    private readonly LinkedList<(string Prefix, string LastName, string Continuation)> _pages = new();

    /// <summary>Notes that a page ended.</summary>
    public void Add(string prefix, string lastName, string continuation)
    {
        lock (_lock)
        {
            _pages.AddFirst((prefix, lastName, continuation));
            if (_pages.Count > Capacity)
            {
                _pages.RemoveLast();
            }
        }
    }

    /// <summary>How to go on behind the last page that ended at a name or before it; null where none is known.</summary>
    public string? Find(string prefix, string name)
    {
        lock (_lock)
        {
            string? best = null;
            string bestName = string.Empty;
            foreach ((string pagePrefix, string lastName, string continuation) in _pages)
            {
                if (pagePrefix == prefix && string.CompareOrdinal(lastName, name) <= 0 && (best is null || string.CompareOrdinal(lastName, bestName) > 0))
                {
                    best = continuation;
                    bestName = lastName;
                }
            }

            return best;
        }
    }
}
