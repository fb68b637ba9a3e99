using System;
using System.Collections.Generic;
using System.Linq;
using ArchUnitNET.Domain;
using ArchUnitNET.Domain.Extensions;
using ArchUnitNET.Loader;
using Xunit;

namespace CloudImage.Sdk.Tests.Architecture;

/// <summary>Holds the arrows of ARCHITECTURE.md: which folder of the core may use which.</summary>
public sealed class NamespaceArrowTests
{
    private const string Root = "CloudImage.Sdk";

    private static readonly ArchUnitNET.Domain.Architecture s_architecture =
        new ArchLoader().LoadAssemblies(typeof(CloudImageException).Assembly).Build();

    // "" is the root folder: the facade, which may use all, and the root of the exceptions, which all may use.
    private static readonly Dictionary<string, string[]> s_mayUse = new()
    {
        ["IO"] = [],
        ["Diagnostics"] = [],
        ["Hashing"] = [],
        ["Chunking"] = ["Hashing"],
        ["Compression"] = [],
        ["Disks"] = ["IO", "Hashing"],
        ["Storage"] = ["IO"],
        ["Formats"] = ["Disks", "IO", "Compression", "Hashing"],
        ["Snapshots"] = ["Disks", "Chunking", "Hashing", "Compression", "Storage", "IO"],
    };

    public static TheoryData<string> Folders => [.. s_mayUse.Keys];

    [Theory]
    [MemberData(nameof(Folders))]
    public void Folder_UsesOnlyWhatThePictureAllows(string folder)
    {
        HashSet<string> allowed = [folder, "Diagnostics", .. s_mayUse[folder]];
        List<string> wrong = [];
        foreach (IType type in TypesIn(folder))
        {
            foreach (IType used in type.GetTypeDependencies().Distinct())
            {
                string? target = FolderOf(used);
                if (target is not null and not "" && !allowed.Contains(target))
                {
                    wrong.Add($"{type.FullName} uses {used.FullName}");
                }
                else if (target == "" && !typeof(Exception).IsAssignableFrom(typeof(CloudImageException).Assembly.GetType(used.FullName)))
                {
                    wrong.Add($"{type.FullName} uses {used.FullName} of the root folder");
                }
            }
        }

        Assert.True(wrong.Count == 0, string.Join(Environment.NewLine, wrong.Distinct()));
    }

    [Fact]
    public void EveryFolder_StandsInThePicture()
    {
        IEnumerable<string> folders = s_architecture.Types.Select(FolderOf).OfType<string>().Where(static folder => folder.Length > 0).Distinct();
        Assert.Empty(folders.Except(s_mayUse.Keys));
    }

    [Fact]
    public void FormatFolders_DoNotSeeOneAnother()
    {
        List<string> wrong = [];
        foreach (IType type in TypesIn("Formats"))
        {
            string? own = FormatOf(type);
            foreach (IType used in type.GetTypeDependencies().Distinct())
            {
                string? other = FormatOf(used);
                bool isAllowed = own is null || other is null || own == other || other == "Archives" || (own == "Ova" && other == "Vmdk" && used.Visibility == Visibility.Public);
                if (!isAllowed)
                {
                    wrong.Add($"{type.FullName} uses {used.FullName}");
                }
            }
        }

        Assert.True(wrong.Count == 0, string.Join(Environment.NewLine, wrong.Distinct()));
    }

    [Fact]
    public void Core_ReferencesOnlyItsFourPackagesAndTheFramework()
    {
        string[] allowed = ["K4os.Compression.LZ4", "ZstdSharp", "System.IO.Hashing", "Microsoft.Extensions.Logging.Abstractions", "Microsoft.Extensions.DependencyInjection.Abstractions"];
        IEnumerable<string?> references = typeof(CloudImageException).Assembly.GetReferencedAssemblies().Select(static name => name.Name);
        Assert.DoesNotContain(references, name => !allowed.Contains(name) && !name!.StartsWith("System.", StringComparison.Ordinal));
    }

    private static IEnumerable<IType> TypesIn(string folder) => s_architecture.Types.Where(type => FolderOf(type) == folder);

    private static string? FolderOf(IType type)
    {
        string name = type.Namespace?.FullName ?? string.Empty;
        return name == Root ? string.Empty : name.StartsWith(Root + ".", StringComparison.Ordinal) ? name.Split('.')[2] : null;
    }

    private static string? FormatOf(IType type)
    {
        string[] parts = (type.Namespace?.FullName ?? string.Empty).Split('.');
        return parts.Length >= 4 && parts[2] == "Formats" && parts[0] == "CloudImage" ? parts[3] : null;
    }
}
