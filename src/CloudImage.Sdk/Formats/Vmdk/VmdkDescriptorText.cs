using System;
using System.Collections.Generic;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>Writes the descriptor of a new disk.</summary>
internal sealed class VmdkDescriptorText
{
    private readonly VmdkOptions _options;
    private readonly long _sectors;
    private readonly uint _contentId;

    public VmdkDescriptorText(VmdkOptions options, long sectors)
    {
        _options = options;
        _sectors = sectors;
        _contentId = options.ContentId ?? NewContentId();
        Validate(options);
    }

    /// <summary>The text for the given extents: file name and length in sectors of each.</summary>
    public byte[] Build(IReadOnlyList<(string Name, long Sectors)> extents)
    {
        StringBuilder text = new();
        Line(text, "# Disk DescriptorFile");
        Line(text, "version=1");
        Line(text, "encoding=\"UTF-8\"");
        Line(text, $"CID={_contentId:x8}");
        Line(text, $"parentCID={(_options.Parent is { } parent ? ParseParentId(parent) : VmdkConstants.NoParent):x8}");
        Line(text, "isNativeSnapshot=\"no\"");
        Line(text, $"createType=\"{CreateType(_options.Subformat)}\"");
        if (_options.Parent is { } named)
        {
            Line(text, $"parentFileNameHint=\"{named.Name}\"");
        }

        Line(text, string.Empty);
        Line(text, "# Extent description");
        bool isFlat = _options.Subformat is VmdkSubformat.MonolithicFlat or VmdkSubformat.TwoGbMaxExtentFlat;
        foreach ((string name, long sectors) in extents)
        {
            Line(text, isFlat ? $"RW {sectors} FLAT \"{Sanitize(name)}\" 0" : $"RW {sectors} SPARSE \"{Sanitize(name)}\"");
        }

        AddDatabase(text);
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    private void AddDatabase(StringBuilder text)
    {
        bool isStream = _options.Subformat == VmdkSubformat.StreamOptimized;
        string adapter = _options.AdapterType ?? (isStream ? "lsilogic" : "ide");
        int heads = adapter == "ide" ? 16 : 255;
        Line(text, string.Empty);
        Line(text, "# The Disk Data Base");
        Line(text, "#DDB");
        Line(text, string.Empty);
        Line(text, $"ddb.adapterType = \"{adapter}\"");
        Line(text, $"ddb.geometry.cylinders = \"{_sectors / (63 * heads)}\"");
        Line(text, $"ddb.geometry.heads = \"{heads}\"");
        Line(text, "ddb.geometry.sectors = \"63\"");
        Line(text, $"ddb.longContentID = \"{LongContentId()}\"");
        if (isStream)
        {
            Line(text, "ddb.toolsInstallType = \"4\"");
        }

        Line(text, "ddb.toolsVersion = \"2147483647\"");
        Line(text, $"ddb.virtualHWVersion = \"{_options.HardwareVersion ?? (isStream ? 7 : 4)}\"");
    }

    // The last eight digits repeat the short id; the rest is free, and derived so that a given id gives a given file.
    private string LongContentId()
    {
        Span<byte> seed = stackalloc byte[4];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(seed, _contentId);
        Span<byte> digest = stackalloc byte[32];
        SHA256.HashData(seed, digest);
        return Convert.ToHexStringLower(digest[..12]) + Convert.ToHexStringLower(seed);
    }

    private static void Line(StringBuilder text, string line) => text.Append(line).Append('\n');

    private static string CreateType(VmdkSubformat subformat) => subformat switch
    {
        VmdkSubformat.MonolithicSparse => "monolithicSparse",
        VmdkSubformat.StreamOptimized => "streamOptimized",
        VmdkSubformat.MonolithicFlat => "monolithicFlat",
        VmdkSubformat.TwoGbMaxExtentSparse => "twoGbMaxExtentSparse",
        VmdkSubformat.TwoGbMaxExtentFlat => "twoGbMaxExtentFlat",
        _ => throw new ArgumentException($"{subformat} is not a variant of VMDK.", nameof(subformat)),
    };

    private static uint NewContentId()
    {
        uint id;
        do
        {
            id = BitConverter.ToUInt32(RandomNumberGenerator.GetBytes(sizeof(uint)));
        }
        while (id is 0 or >= VmdkConstants.NoParent - 1);

        return id;
    }

    private static string Sanitize(string name)
    {
        if (name.Length == 0)
        {
            return "disk.vmdk";
        }

        return string.Create(name.Length, name, static (span, source) =>
        {
            for (int i = 0; i < span.Length; i++)
            {
                span[i] = char.IsControl(source[i]) || source[i] == '"' ? '_' : source[i];
            }
        });
    }

    private static uint ParseParentId(DiskReference parent) =>
        uint.TryParse(parent.LinkageId, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint id)
            ? id
            : throw new ArgumentException($"The parent '{parent.Name}' needs a LinkageId: the content id (CID) of the parent disk, see DiskInfo.LinkageId.", nameof(parent));

    private static void Validate(VmdkOptions options)
    {
        if (options.AdapterType is { } adapter and not ("ide" or "lsilogic" or "buslogic" or "legacyESX"))
        {
            throw new ArgumentException($"The adapter type '{adapter}' is not known; ide, lsilogic, buslogic and legacyESX are.", nameof(options));
        }

        if (options.HardwareVersion is { } version and not (>= 3 and <= 100))
        {
            throw new ArgumentException($"The hardware version {version} is not between 3 and 100.", nameof(options));
        }

        if (options.ContentId is VmdkConstants.NoParent)
        {
            throw new ArgumentException("The content id 0xffffffff means that there is none.", nameof(options));
        }

        if (options.Parent is { } parent)
        {
            if (options.Subformat is not (VmdkSubformat.MonolithicSparse or VmdkSubformat.TwoGbMaxExtentSparse))
            {
                throw new ArgumentException($"The variant {options.Subformat} cannot have a parent; the sparse ones can.", nameof(options));
            }

            if (parent.Name.Length == 0 || parent.Name.Length > 1023 || parent.Name.Contains('"', StringComparison.Ordinal) || VmdkText.HasControlCharacter(parent.Name))
            {
                throw new ArgumentException("The parent's name is empty, too long, or holds a quote or a control character.", nameof(options));
            }

            ParseParentId(parent);
        }
    }
}
