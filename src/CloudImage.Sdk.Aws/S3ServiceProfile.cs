using System;
using System.Collections.Generic;
using System.Linq;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Aws;

/// <summary>What a service that speaks the S3 protocol understands of it.</summary>
/// <remarks>
/// Immutable. No profile sends bodies in the encoding aws-chunked, which most services other than AWS refuse: the checksum is known before
/// the first byte is sent, so that it goes into the head of the request.
/// </remarks>
public sealed class S3ServiceProfile
{
    private const long MaximumPut = 5L << 30;

    private S3ServiceProfile(string name, S3CreateCondition createCondition)
    {
        Name = name;
        CreateCondition = createCondition;
    }

    //                                                                              checksum header       multipart if absent      addressing     list v1          delete        MD5 of it     part
    /// <summary>Amazon S3.</summary>
    public static S3ServiceProfile Aws { get; } = new("aws", S3CreateCondition.IfNoneMatch) { SendsChecksum = true, CompletesIfAbsent = true, UsesPathStyle = false };

    /// <summary>The object gateway of Ceph.</summary>
    public static S3ServiceProfile Ceph { get; } = new("ceph", S3CreateCondition.IfNoneMatch);

    /// <summary>MinIO.</summary>
    public static S3ServiceProfile Minio { get; } = new("minio", S3CreateCondition.IfNoneMatch) { SendsChecksum = true };

    /// <summary>Alibaba Cloud Object Storage Service.</summary>
    public static S3ServiceProfile AlibabaOss { get; } = new("alibaba-oss", S3CreateCondition.OssForbidOverwrite) { UsesPathStyle = false, DeletesNeedMd5 = true, MinimumPartLength = 100 << 10 };

    /// <summary>Tencent Cloud Object Storage.</summary>
    public static S3ServiceProfile TencentCos { get; } = new("tencent-cos", S3CreateCondition.CosForbidOverwrite) { UsesPathStyle = false, UsesFirstList = true, DeletesNeedMd5 = true, MinimumPartLength = 1 << 20 };

    /// <summary>Huawei Cloud Object Storage Service, which cannot be told to create only what is absent.</summary>
    public static S3ServiceProfile HuaweiObs { get; } = new("huawei-obs", S3CreateCondition.None) { UsesPathStyle = false, UsesFirstList = true, DeletesNeedMd5 = true };

    /// <summary>The S3 interface of OpenStack Swift, which refuses conditions on a creation.</summary>
    public static S3ServiceProfile Swift { get; } = new("swift", S3CreateCondition.None) { DeletesNeedMd5 = true };

    /// <summary>A service that is not known: the common core of the protocol, and <c>If-None-Match</c> where a probe finds it honoured.</summary>
    public static S3ServiceProfile Generic { get; } = new("generic", S3CreateCondition.IfNoneMatch) { DeletesNeedMd5 = true };

    /// <summary>All of them.</summary>
    public static IReadOnlyList<S3ServiceProfile> All { get; } = [Aws, Ceph, Minio, AlibabaOss, TencentCos, HuaweiObs, Swift, Generic];

    /// <summary>The name that addresses choose it by.</summary>
    public string Name { get; }

    /// <summary>How it is told to create an object only where none of its name exists.</summary>
    public S3CreateCondition CreateCondition { get; }

    /// <summary>Whether it takes and keeps the SHA-256 of an object as <c>x-amz-checksum-sha256</c>.</summary>
    public bool SendsChecksum { get; private init; }

    /// <summary>Whether it honours <see cref="CreateCondition"/> when an upload in parts is completed; where not, every object goes out in one request.</summary>
    public bool CompletesIfAbsent { get; private init; }

    /// <summary>Whether the bucket stands in the path of a request and not in the name of the host.</summary>
    public bool UsesPathStyle { get; private init; } = true;

    /// <summary>Whether objects are listed by the first version of the call, for want of the second.</summary>
    public bool UsesFirstList { get; private init; }

    /// <summary>How many objects one request deletes.</summary>
    public int DeleteBatch { get; private init; } = 1000;

    /// <summary>Whether a request that deletes several objects needs the MD5 of its body.</summary>
    public bool DeletesNeedMd5 { get; private init; }

    /// <summary>The least length of a part but the last, in bytes.</summary>
    public int MinimumPartLength { get; private init; } = 5 << 20;

    /// <summary>The longest object that one request creates, in bytes.</summary>
    public long MaximumPutLength { get; private init; } = MaximumPut;

    /// <summary>The checksum that it keeps of an object and tells.</summary>
    public ObjectChecksumKind ChecksumKind => SendsChecksum ? ObjectChecksumKind.Sha256 : ObjectChecksumKind.None;

    /// <summary>Finds a profile by its name.</summary>
    /// <param name="name">The name.</param>
    /// <returns>The profile.</returns>
    /// <exception cref="FormatException">There is none of this name; the message lists them.</exception>
    public static S3ServiceProfile Find(string name) =>
        All.FirstOrDefault(profile => profile.Name == name)
        ?? throw new FormatException($"There is no S3 profile '{name}'; known are {string.Join(", ", All.Select(static profile => profile.Name))}.");

    /// <summary>Finds the profile of an endpoint by the name of its host.</summary>
    /// <param name="endpoint">The endpoint; null for Amazon's own.</param>
    /// <returns>The profile; <see cref="Generic"/> where the host tells nothing.</returns>
    public static S3ServiceProfile FindByEndpoint(Uri? endpoint)
    {
        string host = endpoint?.Host ?? "amazonaws.com";
        return IsWithin(host, "amazonaws.com") || IsWithin(host, "amazonaws.com.cn") ? Aws
            : IsWithin(host, "aliyuncs.com") ? AlibabaOss
            : IsWithin(host, "myqcloud.com") ? TencentCos
            : IsWithin(host, "myhuaweicloud.com") ? HuaweiObs
            : Generic;
    }

    /// <summary>The name.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => Name;

    /// <summary>The same profile with another way of telling; for services that turn out to be less than their profile.</summary>
    internal S3ServiceProfile With(S3CreateCondition condition) => new(Name, condition)
    {
        SendsChecksum = SendsChecksum,
        CompletesIfAbsent = CompletesIfAbsent && condition != S3CreateCondition.None,
        UsesPathStyle = UsesPathStyle,
        UsesFirstList = UsesFirstList,
        DeleteBatch = DeleteBatch,
        DeletesNeedMd5 = DeletesNeedMd5,
        MinimumPartLength = MinimumPartLength,
        MaximumPutLength = MaximumPutLength,
    };

    /// <summary>The same profile with uploads in parts that are completed only where the name is free.</summary>
    internal S3ServiceProfile WithConditionalMultipart() => new(Name, CreateCondition)
    {
        SendsChecksum = SendsChecksum,
        CompletesIfAbsent = true,
        UsesPathStyle = UsesPathStyle,
        UsesFirstList = UsesFirstList,
        DeleteBatch = DeleteBatch,
        DeletesNeedMd5 = DeletesNeedMd5,
        MinimumPartLength = MinimumPartLength,
        MaximumPutLength = MaximumPutLength,
    };

    private static bool IsWithin(string host, string domain) =>
        host.Equals(domain, StringComparison.OrdinalIgnoreCase) || host.EndsWith("." + domain, StringComparison.OrdinalIgnoreCase);
}
