using System;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Threading.Tasks;
using Amazon.Runtime;
using Amazon.Runtime.Internal;
using Amazon.S3.Model;

namespace CloudImage.Sdk.Aws.S3;

/// <summary>Puts into a request what the vendor's client has no property for: the hash that is known, and the MD5 that some services want of deletions.</summary>
/// <remarks>The client finds the rules of a request by the name of its type, so that a derived type cannot carry the hash.</remarks>
internal sealed class S3RequestHandler(S3ServiceProfile profile) : PipelineHandler
{
    private readonly ConditionalWeakTable<AmazonWebServiceRequest, string> _hashes = [];

    /// <summary>Tells the SHA-256 of the body of a request, so that the signer need not compute it once more.</summary>
    public void SetHash(AmazonWebServiceRequest request, ReadOnlySpan<byte> sha256) => _hashes.Add(request, Convert.ToHexStringLower(sha256));

    public override void InvokeSync(IExecutionContext executionContext)
    {
        Prepare(executionContext.RequestContext);
        base.InvokeSync(executionContext);
    }

    public override Task<T> InvokeAsync<T>(IExecutionContext executionContext)
    {
        Prepare(executionContext.RequestContext);
        return base.InvokeAsync<T>(executionContext);
    }

    private void Prepare(IRequestContext context)
    {
        if (_hashes.TryGetValue(context.OriginalRequest, out string? hash))
        {
            context.Request.PrecomputedContentSha256 = hash;
        }
        else if (profile.DeletesNeedMd5 && context.OriginalRequest is DeleteObjectsRequest && context.Request.Content is { } content)
        {
#pragma warning disable CA5351 // The protocol demands it, against accidents on the way.
            context.Request.Headers["Content-MD5"] = Convert.ToBase64String(MD5.HashData(content));
#pragma warning restore CA5351
        }
    }
}
