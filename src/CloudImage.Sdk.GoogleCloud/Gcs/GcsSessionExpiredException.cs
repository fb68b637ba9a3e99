namespace CloudImage.Sdk.GoogleCloud.Gcs;

/// <summary>A resumable upload cannot be gone on with; the object has to be sent anew from its beginning.</summary>
internal sealed class GcsSessionExpiredException(string message) : CloudImageException(message);
