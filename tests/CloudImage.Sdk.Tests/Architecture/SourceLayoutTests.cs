using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Architecture;

/// <summary>Holds the layout of the source: a newcomer finds any line by its path.</summary>
public sealed partial class SourceLayoutTests
{
    private const int MaxLines = 600;

    private static readonly string s_root = RepositoryRoot.Path;

    [Fact]
    public void EveryFile_StaysUnderTheLimitOfLines()
    {
        IEnumerable<string> wrong = SourceFiles().Where(static file => File.ReadLines(file).Count() > MaxLines);
        Assert.Empty(wrong.Select(Relative));
    }

    [Fact]
    public void EveryFile_HoldsOnePublicTypeNamedAfterIt()
    {
        List<string> wrong = [];
        foreach (string file in SourceFiles())
        {
            string expected = Path.GetFileName(file).Split('.')[0];
            string[] names = [.. PublicType().Matches(File.ReadAllText(file)).Select(static match => match.Groups["name"].Value)];
            if (names.Length > 1 || (names.Length == 1 && names[0] != expected))
            {
                wrong.Add($"{Relative(file)}: {string.Join(", ", names)}");
            }
        }

        Assert.Empty(wrong);
    }

    [Fact]
    public void EveryNamespace_IsItsFolder()
    {
        List<string> wrong = [];
        foreach (string file in SourceFiles())
        {
            string expected = Relative(Path.GetDirectoryName(file)!).Replace(Path.DirectorySeparatorChar, '.')["src.".Length..];
            if (Namespace().Match(File.ReadAllText(file)) is { Success: true } match && match.Groups["name"].Value != expected)
            {
                wrong.Add($"{Relative(file)}: {match.Groups["name"].Value}");
            }
        }

        Assert.Empty(wrong);
    }

    [Fact]
    public void EveryWritableFormat_HasTheSameSetOfFiles()
    {
        List<string> missing = [];
        foreach (string folder in Directory.GetDirectories(Path.Combine(s_root, "src", "CloudImage.Sdk", "Formats")))
        {
            string name = Path.GetFileName(folder);
            if (name is "Foreign" or "Archives")
            {
                continue;
            }

            foreach (string part in (string[])["Format", "Options", "DiskWriter"])
            {
                if (!File.Exists(Path.Combine(folder, name + part + ".cs")))
                {
                    missing.Add($"{name}{part}.cs");
                }
            }
        }

        Assert.Empty(missing);
    }

    [Fact]
    public void EveryPackage_HasReadmeAndPublicApiFiles()
    {
        foreach (string project in Directory.GetDirectories(Path.Combine(s_root, "src")))
        {
            Assert.True(File.Exists(Path.Combine(project, "README.md")), project);
            Assert.True(File.Exists(Path.Combine(project, "PublicAPI.Shipped.txt")), project);
            Assert.True(File.Exists(Path.Combine(project, "PublicAPI.Unshipped.txt")), project);
        }
    }

    private static IEnumerable<string> SourceFiles() =>
        Directory.EnumerateFiles(Path.Combine(s_root, "src"), "*.cs", SearchOption.AllDirectories)
            .Where(static file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal)
                && !file.Contains($"{Path.DirectorySeparatorChar}bin{Path.DirectorySeparatorChar}", StringComparison.Ordinal));

    private static string Relative(string path) => Path.GetRelativePath(s_root, path);

    [GeneratedRegex(@"^public (?:(?:static|sealed|abstract|partial|readonly|ref|unsafe) )*(?:class|struct|interface|enum|record|delegate \w+) (?<name>\w+)", RegexOptions.Multiline)]
    private static partial Regex PublicType();

    [GeneratedRegex(@"^namespace (?<name>[\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Namespace();
}
