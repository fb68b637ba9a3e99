using System;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Vmdk;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Tests.Formats.Archives;
using CloudImage.Sdk.Tests.Support;

namespace CloudImage.Sdk.Tests.Formats.Ova;

/// <summary>Parts of packages, as other producers write them.</summary>
internal static class OvaTestPackage
{
    public const string Uri = "http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized";

    public static byte[] Content(int seed, int length)
    {
        using TestDisk disk = TestDisk.Random(seed, length, 4096, true);
        return disk.ToArray();
    }

    public static byte[] Vmdk(byte[] content) => Image(content, new VmdkOptions { Subformat = VmdkSubformat.StreamOptimized });

    public static byte[] Image(byte[] content, DiskCreateOptions options)
    {
        using TestDisk source = new(content);
        MemoryImageSink sink = new();
        using DiskWriter writer = options.Format.Create(sink, content.Length, options);
        source.CopyTo(writer, DiskCopyOptions.Default, null);
        writer.Complete();
        return sink.ToArray();
    }

    /// <summary>A descriptor. Each disk: its file's name, capacity, further attributes of the file, and of the disk.</summary>
    public static string Descriptor(params (string Name, long Capacity, string File, string Disk)[] disks)
    {
        StringBuilder files = new();
        StringBuilder list = new();
        for (int index = 0; index < disks.Length; index++)
        {
            (string name, long capacity, string file, string disk) = disks[index];
            files.Append(CultureInfo.InvariantCulture, $"<File ovf:href=\"{name}\" ovf:id=\"file{index}\" {file}/>");
            list.Append(CultureInfo.InvariantCulture, $"<Disk ovf:capacity=\"{capacity}\" ovf:diskId=\"disk{index}\" ovf:fileRef=\"file{index}\" ovf:format=\"{Uri}\" {disk}/>");
        }

        return $"""
            <?xml version="1.0" encoding="UTF-8"?>
            <Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
              xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"
              xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData" xmlns:vmw="http://www.vmware.com/schema/ovf">
              <References>{files}</References>
              <DiskSection><Info>Disks</Info>{list}</DiskSection>
              <NetworkSection><Info/><Network ovf:name="bridged"><Description/></Network></NetworkSection>
              <VirtualSystem ovf:id="vm"><Info/><Name>web &amp; mail</Name>
                <OperatingSystemSection ovf:id="94" vmw:osType="ubuntu64Guest"><Info/><Description>Ubuntu</Description></OperatingSystemSection>
                <VirtualHardwareSection><Info/>
                  <System><vssd:ElementName>x</vssd:ElementName><vssd:InstanceID>0</vssd:InstanceID><vssd:VirtualSystemType>vmx-11</vssd:VirtualSystemType></System>
                  <Item><rasd:ElementName>4 CPUs</rasd:ElementName><rasd:InstanceID>1</rasd:InstanceID><rasd:ResourceType>3</rasd:ResourceType><rasd:VirtualQuantity>4</rasd:VirtualQuantity></Item>
                  <Item><rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits><rasd:InstanceID>2</rasd:InstanceID><rasd:ResourceType>4</rasd:ResourceType><rasd:VirtualQuantity>8192</rasd:VirtualQuantity></Item>
                  <Item><rasd:AddressOnParent>0</rasd:AddressOnParent><rasd:HostResource>ovf:/disk/disk0</rasd:HostResource><rasd:InstanceID>3</rasd:InstanceID><rasd:ResourceType>17</rasd:ResourceType></Item>
                </VirtualHardwareSection>
              </VirtualSystem>
            </Envelope>
            """;
    }

    public static string ManifestLine(string algorithm, string name, byte[] content)
    {
        byte[] digest = CryptographicOperations.HashData(new HashAlgorithmName(algorithm), content);
        return $"{algorithm}({name})= {Convert.ToHexStringLower(digest)}\n";
    }

    public static byte[] Package(string descriptor, string? manifest, params (string Name, byte[] Content)[] files)
    {
        TarBuilder builder = new TarBuilder().Add("vm.ovf", descriptor);
        if (manifest is not null)
        {
            builder.Add("vm.mf", manifest);
        }

        foreach ((string name, byte[] content) in files)
        {
            builder.Add(name, content);
        }

        return builder.Build();
    }

    public static byte[] Simple(byte[] content)
    {
        byte[] vmdk = Vmdk(content);
        string descriptor = Descriptor(("disk1.vmdk", content.Length, $"ovf:size=\"{vmdk.Length}\"", string.Empty));
        string manifest = ManifestLine("SHA256", "vm.ovf", Encoding.UTF8.GetBytes(descriptor)) + ManifestLine("SHA256", "disk1.vmdk", vmdk);
        return Package(descriptor, manifest, ("disk1.vmdk", vmdk));
    }
}
