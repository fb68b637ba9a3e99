using System;
using System.IO;

namespace CloudImage.Sdk.Tests.Support;

/// <summary>A folder that is gone when the test ends.</summary>
public sealed class TempFolder : IDisposable
{
    public TempFolder() => Path = Directory.CreateTempSubdirectory("cloudimage-test-").FullName;

    public string Path { get; }

    /// <summary>Path of a file in the folder.</summary>
    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, true);
}
