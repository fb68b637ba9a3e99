namespace CloudImage.Sdk.Aws;

/// <summary>How a service is told to create an object only where none of its name exists.</summary>
public enum S3CreateCondition
{
    /// <summary>It cannot be told: the store asks first and creates then, and two creators at once may both succeed.</summary>
    None = 0,

    /// <summary>Header <c>If-None-Match: *</c>; the answer to a second creation is 412.</summary>
    IfNoneMatch = 1,

    /// <summary>Header <c>x-oss-forbid-overwrite: true</c>; without effect in a bucket whose versioning was ever turned on.</summary>
    OssForbidOverwrite = 2,

    /// <summary>Header <c>x-cos-forbid-overwrite: true</c>; without effect in a bucket whose versioning was ever turned on.</summary>
    CosForbidOverwrite = 3,
}
