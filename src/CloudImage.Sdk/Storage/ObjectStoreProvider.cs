using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.Storage;

/// <summary>Opens the stores of one service from their addresses.</summary>
/// <remarks>Implementations take credentials from the service's own places and may be called from several threads at once.</remarks>
public abstract class ObjectStoreProvider
{
    /// <summary>The schemes that it opens, in lower case, such as <c>s3</c>.</summary>
    public abstract IReadOnlyList<string> Schemes { get; }

    /// <summary>How an address is written, with its parameters, in a line or two: for messages and help.</summary>
    public abstract string Usage { get; }

    /// <summary>Opens a store.</summary>
    /// <param name="address">Where it is; the scheme is one of <see cref="Schemes"/>. Every parameter is taken.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The store, which the caller owns; calls that fail for a passing reason are made again by it.</returns>
    /// <exception cref="System.FormatException">The address is wrong.</exception>
    /// <exception cref="ObjectStoreException">The service cannot be reached, refuses, or cannot carry a store; the message says what to do.</exception>
    public abstract ValueTask<ObjectStore> OpenAsync(ObjectStoreAddress address, CancellationToken cancellationToken = default);
}
