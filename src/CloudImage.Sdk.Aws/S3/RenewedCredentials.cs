using System;
using System.Threading;
using System.Threading.Tasks;
using Amazon.Runtime;

namespace CloudImage.Sdk.Aws.S3;

/// <summary>Credentials from where the vendor's client finds them by itself, looked for once more when the service does not take them any longer.</summary>
internal sealed class RenewedCredentials(Func<AWSCredentials> find) : AWSCredentials
{
    private readonly Lock _lock = new();
    private AWSCredentials? _found;

    public override ImmutableCredentials GetCredentials() => Find().GetCredentials();

    public override Task<ImmutableCredentials> GetCredentialsAsync() => Find().GetCredentialsAsync();

    /// <summary>Looks once more.</summary>
    /// <returns>Whether there are others now.</returns>
    public async Task<bool> RenewAsync()
    {
        AWSCredentials old = Find();
        ImmutableCredentials before = await old.GetCredentialsAsync().ConfigureAwait(false);
        (old as RefreshingAWSCredentials)?.ClearCredentials();
        lock (_lock)
        {
            // Another request may have renewed them meanwhile.
            _found = ReferenceEquals(_found, old) ? null : _found;
        }

        ImmutableCredentials after = await Find().GetCredentialsAsync().ConfigureAwait(false);
        return after.AccessKey != before.AccessKey || after.SecretKey != before.SecretKey || after.Token != before.Token;
    }

    private AWSCredentials Find()
    {
        lock (_lock)
        {
            return _found ??= find();
        }
    }
}
