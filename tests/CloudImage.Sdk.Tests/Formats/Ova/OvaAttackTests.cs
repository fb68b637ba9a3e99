using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Ova;
using CloudImage.Sdk.Formats.Qcow2;
using CloudImage.Sdk.Tests.Formats.Archives;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Ova;

public sealed class OvaAttackTests
{
    private static readonly byte[] s_content = OvaTestPackage.Content(3, 1 << 20);
    private static readonly byte[] s_vmdk = OvaTestPackage.Vmdk(s_content);
    private static readonly string s_descriptor = OvaTestPackage.Descriptor(("a.vmdk", s_content.Length, string.Empty, string.Empty));

    private static readonly Dictionary<string, (byte[] Archive, string Message)> s_refused = new()
    {
        ["path above"] = (OvaTestPackage.Package(s_descriptor, null, ("../a.vmdk", s_vmdk)), "plain names"),
        ["absolute path"] = (OvaTestPackage.Package(s_descriptor, null, ("/etc/passwd", s_vmdk)), "plain names"),
        ["folder"] = (OvaTestPackage.Package(s_descriptor, null, ("x/a.vmdk", s_vmdk)), "plain names"),
        ["backslash"] = (OvaTestPackage.Package(s_descriptor, null, ("..\\a.vmdk", s_vmdk)), "plain names"),
        ["drive"] = (OvaTestPackage.Package(s_descriptor, null, ("C:a.vmdk", s_vmdk)), "plain names"),
        ["duplicate"] = (OvaTestPackage.Package(s_descriptor, null, ("a.vmdk", s_vmdk), ("a.vmdk", s_vmdk)), "two files"),
        ["two descriptors"] = (OvaTestPackage.Package(s_descriptor, null, ("b.ovf", Encoding.UTF8.GetBytes(s_descriptor)), ("a.vmdk", s_vmdk)), ".ovf"),
        ["symbolic link"] = (new TarBuilder().Add("vm.ovf", s_descriptor).Add("a.vmdk", [], (byte)'2').Build(), "links"),
        ["hard link"] = (new TarBuilder().Add("vm.ovf", s_descriptor).Add("a.vmdk", [], (byte)'1').Build(), "links"),
        ["sparse"] = (new TarBuilder().Add("vm.ovf", s_descriptor).Add("a.vmdk", [], (byte)'S', change: TarBuilder.Sparse(1L << 50, false)).Build(), "sparse"),
        ["truncated"] = (OvaTestPackage.Simple(s_content)[..^(s_vmdk.Length / 2)], "ends within"),
        ["no descriptor"] = (new TarBuilder().Add("a.vmdk", s_vmdk).Build(), "descriptor"),
        ["XXE"] = (Descriptor("<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><Envelope>&e;</Envelope>"), "DTD"),
        ["billion laughs"] = (Descriptor("<!DOCTYPE x [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;\">]><Envelope>&b;</Envelope>"), "DTD"),
        ["not XML"] = (Descriptor("Envelope"), "XML"),
        ["other XML"] = (Descriptor("<html/>"), "Envelope"),
        ["too deep"] = (Descriptor("<Envelope>" + string.Concat(Enumerable.Repeat("<a>", 5000)) + string.Concat(Enumerable.Repeat("</a>", 5000)) + "</Envelope>"), "nested"),
        ["too long"] = (Descriptor("<Envelope>" + new string(' ', 2 << 20) + "</Envelope>"), "MaxTextLength"),
        ["host file"] = (OvaTestPackage.Package(OvaTestPackage.Descriptor(("/etc/passwd", s_content.Length, string.Empty, string.Empty)), null, ("a.vmdk", s_vmdk)), "not in the package"),
        ["file address"] = (OvaTestPackage.Package(OvaTestPackage.Descriptor(("file:///etc/passwd", s_content.Length, string.Empty, string.Empty)), null, ("a.vmdk", s_vmdk)), "not in the package"),
        ["capacity overflow"] = (OvaTestPackage.Package(OvaTestPackage.Descriptor(("a.vmdk", long.MaxValue, string.Empty, "ovf:capacityAllocationUnits=\"byte * 2^40\"")), null, ("a.vmdk", s_vmdk)), "capacity"),
        ["unit overflow"] = (OvaTestPackage.Package(OvaTestPackage.Descriptor(("a.vmdk", 1, string.Empty, "ovf:capacityAllocationUnits=\"byte * 2^63\"")), null, ("a.vmdk", s_vmdk)), "units"),
        ["gzip bomb"] = (OvaTestPackage.Package(OvaTestPackage.Descriptor(("a", 1 << 20, "ovf:compression=\"gzip\"", string.Empty)), null, ("a", TarBuilder.Gzip(new byte[80 << 20]))), "expands"),
        ["gzip damaged"] = (OvaTestPackage.Package(OvaTestPackage.Descriptor(("a", 1 << 20, "ovf:compression=\"gzip\"", string.Empty)), null, ("a", new byte[1000])), "damaged"),
        ["other compression"] = (OvaTestPackage.Package(OvaTestPackage.Descriptor(("a", 1 << 20, "ovf:compression=\"bzip2\"", string.Empty)), null, ("a", new byte[1000])), "bzip2"),
        ["missing chunk"] = (OvaTestPackage.Package(OvaTestPackage.Descriptor(("a", 1 << 20, "ovf:chunkSize=\"65536\"", string.Empty)), null, ("a.000000000", s_vmdk[..1000]), ("a.000000001", s_vmdk[1000..])), "One may be missing"),
        ["raw inside"] = (OvaTestPackage.Package(s_descriptor, null, ("a.vmdk", new byte[100_000])), "no disk format"),
        ["package inside"] = (OvaTestPackage.Package(s_descriptor, null, ("a.vmdk", OvaTestPackage.Simple(s_content))), "no disk format"),
        ["parent"] = (OvaTestPackage.Package(OvaTestPackage.Descriptor(("a.vmdk", s_content.Length, string.Empty, "ovf:parentRef=\"b\"")), null, ("a.vmdk", s_vmdk)), "difference"),
        ["descriptor not the manifest's"] = (OvaTestPackage.Package(s_descriptor, OvaTestPackage.ManifestLine("SHA256", "vm.ovf", [1]), ("a.vmdk", s_vmdk)), "digest"),
        ["manifest broken"] = (OvaTestPackage.Package(s_descriptor, "SHA256(vm.ovf)= 12\n", ("a.vmdk", s_vmdk)), "Line 1"),
        ["backing file of the host"] = (OvaTestPackage.Package(s_descriptor, null, ("a.vmdk", OvaTestPackage.Image(s_content, new Qcow2Options { Parent = new DiskReference(DiskReferenceKind.Parent, "/etc/passwd") { FormatName = "raw" } }))), "not found"),
    };

    public static TheoryData<string> Names => [.. s_refused.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Open_HostilePackage_IsRefusedWithTheReason(string name)
    {
        (byte[] archive, string message) = s_refused[name];
        CloudImageException exception = Assert.ThrowsAny<CloudImageException>(() => OvaFormat.Instance.Open(new MemoryDisk(archive), DiskOpenOptions.Default));
        Assert.Contains(message, exception.Message, StringComparison.OrdinalIgnoreCase);
        DiskInspection inspection = DiskImage.Inspect(new MemoryDisk(archive), new DiskOpenOptions { Format = OvaFormat.Instance });
        Assert.False(inspection.IsSafe);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ReadSequentially_HostilePackage_IsRefused(string name)
    {
        byte[] archive = s_refused[name].Archive;
        Exception exception = Assert.ThrowsAny<Exception>(() =>
        {
            using SequentialDiskSource source = OvaFormat.Instance.OpenSequential(new ForwardStream(archive), DiskOpenOptions.Default);
            byte[] buffer = new byte[1 << 20];
            while (source.ReadNext(buffer).Length > 0)
            {
            }
        });
        Assert.True(exception is CloudImageException or NotSupportedException, exception.ToString());
    }

    private static byte[] Descriptor(string text) => OvaTestPackage.Package(text, null, ("a.vmdk", s_vmdk));
}
