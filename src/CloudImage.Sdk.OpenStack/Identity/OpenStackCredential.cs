using System.Net.Http;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.OpenStack.Identity;

/// <summary>How a program is known to a cloud: gets tokens for what it holds.</summary>
/// <remarks>
/// <para>Tokens are kept and renewed by <see cref="OpenStackConnection"/>. An implementation reads what it holds anew for each token, so
/// that a secret that is replaced on the way is taken up; it may be called from several threads at once.</para>
/// <para>Secrets are in no message and in no text.</para>
/// </remarks>
public abstract class OpenStackCredential
{
    /// <summary>No credentials, for services that ask for none; their address has to be given.</summary>
    public static OpenStackCredential Anonymous { get; } = new AnonymousCredential();

    /// <summary>Asks for a token.</summary>
    /// <param name="client">What makes the request; not owned.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The token.</returns>
    /// <exception cref="OpenStackException">The credentials are refused, or the service of identity failed.</exception>
    public abstract ValueTask<OpenStackToken> RequestTokenAsync(HttpClient client, CancellationToken cancellationToken = default);
}
