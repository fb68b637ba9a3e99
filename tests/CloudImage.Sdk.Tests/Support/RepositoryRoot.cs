using System;
using System.IO;

namespace CloudImage.Sdk.Tests.Support;

/// <summary>The top folder of the source that the tests were built from.</summary>
public static class RepositoryRoot
{
    public static string Path { get; } = Find();

    private static string Find()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(System.IO.Path.Combine(folder.FullName, "CloudImage.Sdk.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new InvalidOperationException("The tests do not lie under the folder of CloudImage.Sdk.sln.");
    }
}
