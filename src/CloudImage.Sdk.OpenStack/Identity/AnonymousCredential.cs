using System.Net.Http;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.OpenStack.Identity;

/// <summary>No credentials.</summary>
internal sealed class AnonymousCredential : OpenStackCredential
{
    private static readonly OpenStackToken s_token = new(null, null, []);

    public override ValueTask<OpenStackToken> RequestTokenAsync(HttpClient client, CancellationToken cancellationToken = default) => ValueTask.FromResult(s_token);

    public override string ToString() => "no credentials";
}
