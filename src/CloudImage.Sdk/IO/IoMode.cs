namespace CloudImage.Sdk.IO;

/// <summary>How a core method does its input and output, so that one body serves a synchronous and an asynchronous door.</summary>
public enum IoMode
{
    /// <summary>On the calling thread, without waiting for others; what can only work asynchronously ignores it, and the caller waits for the task.</summary>
    Synchronous = 0,

    /// <summary>Asynchronously: the method may return before its work is done.</summary>
    Asynchronous = 1,
}
