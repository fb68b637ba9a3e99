using System;
using System.IO;

namespace CloudImage.Sdk.Formats.Ova;

/// <summary>Names of a package's files. Plain ASCII, as every importer takes them.</summary>
internal sealed class OvaNames
{
    private const int MaxLength = 64;

    private OvaNames(string machine, string files)
    {
        Machine = machine;
        Descriptor = files + OvaConstants.DescriptorExtension;
        Manifest = files + OvaConstants.ManifestExtension;
        Disk = files + "-disk1.vmdk";
    }

    public string Machine { get; }

    public string Descriptor { get; }

    public string Manifest { get; }

    public string Disk { get; }

    /// <summary>Names after the machine's, else after the package's own.</summary>
    public static OvaNames Of(string? machine, string sinkName)
    {
        string name = machine ?? Path.GetFileNameWithoutExtension(sinkName);
        name = name.Length == 0 ? "disk" : name;
        string files = string.Create(Math.Min(name.Length, MaxLength), name, static (target, source) =>
        {
            for (int index = 0; index < target.Length; index++)
            {
                char letter = source[index];
                target[index] = char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' || (letter == '.' && index > 0) ? letter : '-';
            }
        });
        return new OvaNames(machine ?? files, files);
    }
}
