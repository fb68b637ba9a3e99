using System.Globalization;
using System.IO;
using System.Text;
using System.Xml;

namespace CloudImage.Sdk.Formats.Ova;

/// <summary>Writes an OVF 1.1 descriptor (DSP0243) of one machine with one disk, in the shape that VMware's programs write.</summary>
internal static class OvfWriter
{
    private const string Ovf = "http://schemas.dmtf.org/ovf/envelope/1";
    private const string Rasd = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData";
    private const string Vssd = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData";
    private const string Vmw = "http://www.vmware.com/schema/ovf";
    private const string NetworkName = "VM Network";

    public static byte[] Write(OvaOptions options, OvaNames names, long length, long fileLength, long dataLength)
    {
        using MemoryStream stream = new();
        XmlWriterSettings settings = new() { Encoding = new UTF8Encoding(false), Indent = true, NewLineChars = "\n" };
        using (XmlWriter xml = XmlWriter.Create(stream, settings))
        {
            xml.WriteStartElement("Envelope", Ovf);
            xml.WriteAttributeString("xmlns", "ovf", null, Ovf);
            xml.WriteAttributeString("xmlns", "rasd", null, Rasd);
            xml.WriteAttributeString("xmlns", "vssd", null, Vssd);
            xml.WriteAttributeString("xmlns", "vmw", null, Vmw);
            WriteReferences(xml, names, fileLength);
            WriteDisks(xml, length, dataLength);
            WriteNetworks(xml, options);
            WriteSystem(xml, options, names);
            xml.WriteEndElement();
        }

        return stream.ToArray();
    }

    private static void WriteReferences(XmlWriter xml, OvaNames names, long fileLength)
    {
        xml.WriteStartElement("References", Ovf);
        xml.WriteStartElement("File", Ovf);
        xml.WriteAttributeString("href", Ovf, names.Disk);
        xml.WriteAttributeString("id", Ovf, "file1");
        xml.WriteAttributeString("size", Ovf, Text(fileLength));
        xml.WriteEndElement();
        xml.WriteEndElement();
    }

    private static void WriteDisks(XmlWriter xml, long length, long dataLength)
    {
        xml.WriteStartElement("DiskSection", Ovf);
        xml.WriteElementString("Info", Ovf, "Virtual disks");
        xml.WriteStartElement("Disk", Ovf);
        xml.WriteAttributeString("capacity", Ovf, Text(length));
        xml.WriteAttributeString("capacityAllocationUnits", Ovf, "byte");
        xml.WriteAttributeString("diskId", Ovf, "vmdisk1");
        xml.WriteAttributeString("fileRef", Ovf, "file1");
        xml.WriteAttributeString("format", Ovf, OvaConstants.StreamOptimizedUri);
        xml.WriteAttributeString("populatedSize", Ovf, Text(dataLength));
        xml.WriteEndElement();
        xml.WriteEndElement();
    }

    private static void WriteNetworks(XmlWriter xml, OvaOptions options)
    {
        if (options.NetworkAdapter is null)
        {
            return;
        }

        xml.WriteStartElement("NetworkSection", Ovf);
        xml.WriteElementString("Info", Ovf, "Networks");
        xml.WriteStartElement("Network", Ovf);
        xml.WriteAttributeString("name", Ovf, NetworkName);
        xml.WriteElementString("Description", Ovf, "The network of the machine");
        xml.WriteEndElement();
        xml.WriteEndElement();
    }

    private static void WriteSystem(XmlWriter xml, OvaOptions options, OvaNames names)
    {
        xml.WriteStartElement("VirtualSystem", Ovf);
        xml.WriteAttributeString("id", Ovf, names.Machine);
        xml.WriteElementString("Info", Ovf, "A virtual machine");
        xml.WriteElementString("Name", Ovf, names.Machine);
        xml.WriteStartElement("OperatingSystemSection", Ovf);
        xml.WriteAttributeString("id", Ovf, Text(options.OperatingSystemId));
        xml.WriteAttributeString("osType", Vmw, options.OperatingSystem);
        xml.WriteElementString("Info", Ovf, "The guest operating system");
        xml.WriteEndElement();
        WriteHardware(xml, options, names);
        xml.WriteEndElement();
    }

    private static void WriteHardware(XmlWriter xml, OvaOptions options, OvaNames names)
    {
        xml.WriteStartElement("VirtualHardwareSection", Ovf);
        xml.WriteElementString("Info", Ovf, "Virtual hardware");
        xml.WriteStartElement("System", Ovf);
        xml.WriteElementString("ElementName", Vssd, "Virtual Hardware Family");
        xml.WriteElementString("InstanceID", Vssd, "0");
        xml.WriteElementString("VirtualSystemIdentifier", Vssd, names.Machine);
        xml.WriteElementString("VirtualSystemType", Vssd, "vmx-" + options.HardwareVersion.ToString("00", CultureInfo.InvariantCulture));
        xml.WriteEndElement();

        // Within an item the fields stand in the order of the alphabet, as the schema wants them.
        WriteItem(xml, ("AllocationUnits", "hertz * 10^6"), ("Description", "Number of virtual CPUs"), ("ElementName", $"{options.ProcessorCount} virtual CPU(s)"),
            ("InstanceID", "1"), ("ResourceType", "3"), ("VirtualQuantity", Text(options.ProcessorCount)));
        WriteItem(xml, ("AllocationUnits", "byte * 2^20"), ("Description", "Memory size"), ("ElementName", $"{options.MemoryInMebibytes} MB of memory"),
            ("InstanceID", "2"), ("ResourceType", "4"), ("VirtualQuantity", Text(options.MemoryInMebibytes)));
        WriteItem(xml, ("Address", "0"), ("Description", "SCSI controller"), ("ElementName", "SCSI controller 0"),
            ("InstanceID", "3"), ("ResourceSubType", options.ScsiController), ("ResourceType", "6"));
        WriteItem(xml, ("AddressOnParent", "0"), ("ElementName", "Hard disk 1"), ("HostResource", "ovf:/disk/vmdisk1"),
            ("InstanceID", "4"), ("Parent", "3"), ("ResourceType", "17"));
        if (options.NetworkAdapter is { } adapter)
        {
            WriteItem(xml, ("AddressOnParent", "7"), ("AutomaticAllocation", "true"), ("Connection", NetworkName), ("Description", adapter + " network adapter"),
                ("ElementName", "Network adapter 1"), ("InstanceID", "5"), ("ResourceSubType", adapter), ("ResourceType", "10"));
        }

        xml.WriteStartElement("Config", Vmw);
        xml.WriteAttributeString("required", Ovf, "false");
        xml.WriteAttributeString("key", Vmw, "firmware");
        xml.WriteAttributeString("value", Vmw, options.Firmware);
        xml.WriteEndElement();
        xml.WriteEndElement();
    }

    private static void WriteItem(XmlWriter xml, params (string Name, string Value)[] fields)
    {
        xml.WriteStartElement("Item", Ovf);
        foreach ((string name, string value) in fields)
        {
            xml.WriteElementString(name, Rasd, value);
        }

        xml.WriteEndElement();
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
