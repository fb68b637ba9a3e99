using System;
using System.Collections.Generic;

namespace CloudImage.Sdk.Snapshots.Collection;

/// <summary>What listings showed of one session.</summary>
internal sealed class SessionState
{
    private readonly HashSet<string> _pins = new(StringComparer.Ordinal);
    private readonly HashSet<string> _released = new(StringComparer.Ordinal);

    public bool HasFate { get; set; }

    public bool IsRetired { get; set; }

    /// <summary>Numbers of the preps that were listed.</summary>
    public SortedSet<int> Preps { get; } = [];

    public bool IsPinned => !_released.IsSupersetOf(_pins);

    /// <summary>When the store says that the newest object of the session was created.</summary>
    public DateTimeOffset LastTrace { get; set; }

    public void AddPin(string id, bool isReleased) => (isReleased ? _released : _pins).Add(id);
}
