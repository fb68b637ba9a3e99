using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Xml;
using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Formats.Ova;

/// <summary>Reads an OVF descriptor with a forward reader. Elements are known by their local names: the namespaces differ between versions.</summary>
internal sealed class OvfReader
{
    private const int MaxDepth = 64;
    private readonly XmlReader _xml;
    private readonly DiskReadLimits _limits;
    private readonly List<OvfFile> _files = [];
    private readonly List<Dictionary<string, string>> _disks = [];
    private readonly List<string> _networks = [];
    private readonly List<OvfHardwareItem> _hardware = [];
    private string? _name;
    private string? _operatingSystem;
    private int? _operatingSystemId;
    private string? _hardwareVersion;
    private int _systems;

    private OvfReader(XmlReader xml, DiskReadLimits limits)
    {
        _xml = xml;
        _limits = limits;
    }

    public static OvfDescriptor Read(ReadOnlyMemory<byte> xml, DiskReadLimits limits)
    {
        if (xml.Length > limits.MaxTextLength)
        {
            throw Fault($"The descriptor has {xml.Length} bytes, more than {limits.MaxTextLength} (DiskReadLimits.MaxTextLength).");
        }

        XmlReaderSettings settings = new()
        {
            DtdProcessing = DtdProcessing.Prohibit,
            XmlResolver = null,
            MaxCharactersInDocument = limits.MaxTextLength,
            MaxCharactersFromEntities = 1024,
            IgnoreComments = true,
            IgnoreProcessingInstructions = true,
        };
        try
        {
            using MemoryStream stream = new(xml.ToArray(), false);
            using XmlReader reader = XmlReader.Create(stream, settings);
            return new OvfReader(reader, limits).Read();
        }
        catch (XmlException exception)
        {
            throw new DiskFormatException(OvaConstants.Name, 0, $"The OVF descriptor is not valid XML (line {exception.LineNumber}): {exception.Message}", exception);
        }
    }

    private static DiskFormatException Fault(string message) => new(OvaConstants.Name, 0, "OVF descriptor: " + message);

    private OvfDescriptor Read()
    {
        _xml.MoveToContent();
        if (_xml.LocalName != "Envelope")
        {
            throw Fault($"its root is '{_xml.LocalName}', not an OVF Envelope.");
        }

        while (_xml.Read())
        {
            if (_xml.Depth > MaxDepth)
            {
                throw Fault($"its elements are nested more than {MaxDepth} deep.");
            }

            if (_xml.NodeType == XmlNodeType.Element)
            {
                ReadElement();
            }
        }

        return new OvfDescriptor
        {
            Files = _files,
            Disks = _disks.ConvertAll(ToDisk),
            Networks = _networks,
            Name = _name,
            OperatingSystem = _operatingSystem,
            OperatingSystemId = _operatingSystemId,
            HardwareVersion = _hardwareVersion,
            Hardware = _hardware,
        };
    }

    private void ReadElement()
    {
        switch (_xml.LocalName)
        {
            case "File":
                AddFile(Attributes());
                break;
            case "Disk" when Attributes() is { } attributes && attributes.ContainsKey("diskId"):
                Count(_disks.Count);
                _disks.Add(attributes);
                break;
            case "Network" when Attributes().GetValueOrDefault("name") is { } network:
                Count(_networks.Count);
                _networks.Add(network);
                break;
            case "VirtualSystem":
                _systems++;
                break;
            case "OperatingSystemSection" when _systems <= 1:
                ReadOperatingSystem();
                break;
            case "VirtualHardwareSection" when _systems <= 1:
                ReadHardware();
                break;
            case "Name" when _systems == 1 && _name is null:
                _name = ReadText();
                break;
        }
    }

    private void AddFile(Dictionary<string, string> attributes)
    {
        Count(_files.Count);
        string? compression = attributes.GetValueOrDefault("compression");
        _files.Add(new OvfFile
        {
            Id = attributes.GetValueOrDefault("id") ?? throw Fault("a file has no id."),
            Name = attributes.GetValueOrDefault("href") ?? throw Fault("a file has no name (href)."),
            Length = Number(attributes, "size"),
            Compression = compression is null or "" or "identity" ? null : compression,
            ChunkLength = Number(attributes, "chunkSize"),
        });
    }

    private OvfDisk ToDisk(Dictionary<string, string> attributes)
    {
        string id = attributes["diskId"];
        string? fileId = attributes.GetValueOrDefault("fileRef");
        OvfFile? file = string.IsNullOrEmpty(fileId) ? null : _files.Find(file => file.Id == fileId) ?? throw Fault($"disk '{id}' refers to the file '{fileId}', which is not listed.");
        string? units = attributes.GetValueOrDefault("capacityAllocationUnits");
        if (!OvfUnits.TryParse(units, out long unit))
        {
            throw Fault($"disk '{id}' has a capacity in units of '{units}', which is no number of bytes.");
        }

        long count = Number(attributes, "capacity") ?? throw Fault($"disk '{id}' has no capacity.");
        if (count > _limits.MaxVirtualSize / unit)
        {
            throw Fault($"disk '{id}' has a capacity of {count} times {unit} bytes, more than {_limits.MaxVirtualSize} (DiskReadLimits.MaxVirtualSize).");
        }

        string? parent = attributes.GetValueOrDefault("parentRef");
        return new OvfDisk
        {
            Id = id,
            Capacity = count * unit,
            File = file,
            FormatUri = attributes.GetValueOrDefault("format"),
            PopulatedLength = Number(attributes, "populatedSize"),
            ParentId = string.IsNullOrEmpty(parent) ? null : parent,
        };
    }

    private void ReadOperatingSystem()
    {
        Dictionary<string, string> attributes = Attributes();
        _operatingSystemId = int.TryParse(attributes.GetValueOrDefault("id"), NumberStyles.None, CultureInfo.InvariantCulture, out int id) ? id : null;
        _operatingSystem = attributes.GetValueOrDefault("osType");
        ForEachChild(name =>
        {
            if (name == "Description")
            {
                _operatingSystem ??= ReadText();
            }
        });
    }

    private void ReadHardware() => ForEachChild(name =>
    {
        if (name == "System")
        {
            ForEachChild(inner => _hardwareVersion = inner == "VirtualSystemType" ? ReadText() : _hardwareVersion);
        }
        else if (name is "Item" or "StorageItem" or "EthernetPortItem")
        {
            Count(_hardware.Count);
            _hardware.Add(ReadItem());
        }
    });

    private OvfHardwareItem ReadItem()
    {
        Dictionary<string, string> fields = new(StringComparer.Ordinal);
        ForEachChild(name => fields.TryAdd(name, ReadText()));
        return new OvfHardwareItem
        {
            // Version 0.9 wrote InstanceId.
            InstanceId = fields.GetValueOrDefault("InstanceID") ?? fields.GetValueOrDefault("InstanceId") ?? string.Empty,
            ResourceType = int.TryParse(fields.GetValueOrDefault("ResourceType"), NumberStyles.None, CultureInfo.InvariantCulture, out int type) ? type : 0,
            ResourceSubType = fields.GetValueOrDefault("ResourceSubType"),
            ElementName = fields.GetValueOrDefault("ElementName") ?? fields.GetValueOrDefault("Caption"),
            Description = fields.GetValueOrDefault("Description"),
            VirtualQuantity = long.TryParse(fields.GetValueOrDefault("VirtualQuantity"), NumberStyles.None, CultureInfo.InvariantCulture, out long quantity) ? quantity : null,
            AllocationUnits = fields.GetValueOrDefault("AllocationUnits"),
            Parent = fields.GetValueOrDefault("Parent"),
            AddressOnParent = fields.GetValueOrDefault("AddressOnParent"),
            HostResource = fields.GetValueOrDefault("HostResource"),
            Connection = fields.GetValueOrDefault("Connection"),
        };
    }

    // Calls for every child element; what the call does not read of it is skipped.
    private void ForEachChild(Action<string> visit)
    {
        if (_xml.IsEmptyElement)
        {
            return;
        }

        int depth = _xml.Depth;
        if (depth > MaxDepth)
        {
            throw Fault($"its elements are nested more than {MaxDepth} deep.");
        }

        while (_xml.Read() && _xml.Depth > depth)
        {
            if (_xml.NodeType == XmlNodeType.Element && _xml.Depth == depth + 1)
            {
                visit(_xml.LocalName);
            }
        }
    }

    // Leaves the reader at the end of the element.
    private string ReadText()
    {
        if (_xml.IsEmptyElement)
        {
            return string.Empty;
        }

        int depth = _xml.Depth;
        string text = string.Empty;
        while (_xml.Read() && _xml.Depth > depth)
        {
            if (_xml.NodeType is XmlNodeType.Text or XmlNodeType.CDATA && _xml.Depth == depth + 1)
            {
                text += _xml.Value;
            }
        }

        return text.Trim();
    }

    private Dictionary<string, string> Attributes()
    {
        Dictionary<string, string> attributes = new(StringComparer.Ordinal);
        while (_xml.MoveToNextAttribute())
        {
            attributes.TryAdd(_xml.LocalName, _xml.Value);
        }

        _xml.MoveToElement();
        return attributes;
    }

    private static long? Number(Dictionary<string, string> attributes, string name)
    {
        if (attributes.GetValueOrDefault(name) is not { Length: > 0 } text)
        {
            return null;
        }

        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number)
            ? number
            : throw Fault($"'{name}' is '{text}', which is no number of at most 63 bits.");
    }

    private void Count(int count)
    {
        if (count >= _limits.MaxListEntries)
        {
            throw Fault($"it lists more than {_limits.MaxListEntries} things of one kind (DiskReadLimits.MaxListEntries).");
        }
    }
}
