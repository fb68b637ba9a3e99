using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Formats.Raw;
using CloudImage.Sdk.Formats.Vmdk;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Formats.Vmdk;

public sealed class VmdkFormatTests
{
    [Fact]
    public void Create_Stream_HasTheShapeThatEsxiImports()
    {
        byte[] content = VmdkSamples.Content((33 << 20) + 512, 1);
        byte[] image = VmdkSamples.Write(content, new VmdkOptions { Subformat = VmdkSubformat.StreamOptimized, ContentId = 0xABCDEF01 });
        VmdkHeader header = VmdkHeader.Parse(image, 0);
        Assert.Equal((3u, 0x30001u, true, 128ul), (header.Version, (uint)header.Flags, header.IsDirectoryAtEnd, header.OverheadSectors));
        string text = Encoding.ASCII.GetString(image, 512, 20 * 512).TrimEnd('\0');
        Assert.Contains("CID=abcdef01\n", text, StringComparison.Ordinal);
        Assert.Contains("createType=\"streamOptimized\"\n", text, StringComparison.Ordinal);
        Assert.Contains("abcdef01\"\n", text, StringComparison.Ordinal);
        foreach (string key in (string[])["ddb.adapterType = \"lsilogic\"", "ddb.toolsInstallType", "ddb.virtualHWVersion = \"7\"", "ddb.longContentID", "ddb.geometry.cylinders"])
        {
            Assert.Contains(key, text, StringComparison.Ordinal);
        }

        // Marker, footer, end of stream; each table behind a marker of its own.
        Assert.True(VmdkFooter.IsMarker(image.AsSpan(image.Length - 1536), VmdkMarkerType.Footer));
        Assert.True(VmdkFooter.IsMarker(image.AsSpan(image.Length - 512), VmdkMarkerType.EndOfStream));
        VmdkHeader footer = VmdkHeader.Parse(image.AsSpan(image.Length - 1024), 0);
        int directory = (int)footer.DirectorySector * 512;
        Assert.True(VmdkFooter.IsMarker(image.AsSpan(directory - 512), VmdkMarkerType.GrainDirectory));
        int table = BitConverter.ToInt32(image, directory) * 512;
        Assert.True(VmdkFooter.IsMarker(image.AsSpan(table - 512), VmdkMarkerType.GrainTable));
        Assert.Equal(4, BitConverter.ToInt64(image, table - 512));
    }

    [Fact]
    public void Create_TheSameTwice_GivesTheSameBytes()
    {
        byte[] content = VmdkSamples.Content(1 << 20, 2);
        foreach (VmdkSubformat subformat in (VmdkSubformat[])[VmdkSubformat.MonolithicSparse, VmdkSubformat.StreamOptimized])
        {
            VmdkOptions options = new() { Subformat = subformat, ContentId = 7 };
            Assert.Equal(VmdkSamples.Write(content, options), VmdkSamples.Write(content, options));
        }
    }

    [Fact]
    public void Create_OfManyTebibytes_CostsLittle()
    {
        using TempFolder folder = new();
        const long Length = 64L << 40;
        foreach (VmdkSubformat subformat in (VmdkSubformat[])[VmdkSubformat.MonolithicSparse, VmdkSubformat.StreamOptimized])
        {
            string path = folder.File($"{subformat}.vmdk");
            byte[] grain = new byte[65536];
            new Random(1).NextBytes(grain);
            using (DiskWriter writer = DiskImage.Create(path, Length, new VmdkOptions { Subformat = subformat }))
            {
                writer.Write(grain, 1 << 30);
                writer.Write(grain, Length - 65536);
                writer.Complete();
            }

            using VirtualDisk disk = DiskImage.Open(path);
            Assert.Equal(Length, disk.Length);
            BlockMap map = BlockMap.Of(disk);
            Assert.Equal(2 * 65536, map.DataLength);
            byte[] read = new byte[65536];
            disk.Read(read, Length - 65536);
            Assert.Equal(grain, read);
        }
    }

    [Fact]
    public void Create_SparseIntoAPipe_SaysWhichVariantCan()
    {
        NotSupportedException exception = Assert.Throws<NotSupportedException>(
            () => VmdkFormat.Instance.Create(new StreamImageSink(new ForwardOnlyStream(new MemoryStream()), false), 65536, new VmdkOptions()));
        Assert.Contains("streamOptimized", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Create_SplitIntoAStream_SaysThatThereIsNoPlace() =>
        Assert.Throws<NotSupportedException>(() => VmdkFormat.Instance.Create(new MemoryImageSink(), 65536, new VmdkOptions { Subformat = VmdkSubformat.MonolithicFlat }));

    [Fact]
    public void Create_ChildWithoutItsParentsId_IsRefused()
    {
        VmdkOptions options = new() { Parent = new DiskReference(DiskReferenceKind.Parent, "p.vmdk") };
        Assert.Throws<ArgumentException>(() => VmdkFormat.Instance.Create(new MemoryImageSink(), 65536, options));
    }

    [Fact]
    public void Write_PartOfAGrainOverAParent_IsRefused()
    {
        VmdkOptions options = new() { Parent = new DiskReference(DiskReferenceKind.Parent, "p.vmdk") { LinkageId = "00000001" } };
        using DiskWriter writer = VmdkFormat.Instance.Create(new MemoryImageSink(), 1 << 20, options);
        Assert.Throws<InvalidOperationException>(() => writer.Write(new byte[512], 0));
        writer.Write(new byte[65536], 0);
    }

    [Fact]
    public void Open_ChildOverAnotherParent_IsRefused()
    {
        byte[] parent = VmdkSamples.Write(new byte[65536], new VmdkOptions { ContentId = 2 });
        byte[] child = VmdkSamples.Write(new byte[65536], new VmdkOptions { Parent = new DiskReference(DiskReferenceKind.Parent, "p.vmdk") { LinkageId = "00000001" } });
        DiskOpenOptions options = new() { References = new MemoryResolver(("p.vmdk", parent)) };
        Assert.Throws<DiskReferenceException>(() => VmdkFormat.Instance.Open(new MemoryDisk(child), options));
    }

    [Fact]
    public void Crash_OfASplitWriter_LeavesNoDescriptor()
    {
        byte[] content = VmdkSamples.Content(400_384, 3);
        foreach (VmdkSubformat subformat in (VmdkSubformat[])[VmdkSubformat.MonolithicFlat, VmdkSubformat.TwoGbMaxExtentSparse])
        {
            FaultingImageSink whole = new(int.MaxValue);
            Write(whole, content, subformat);
            Assert.True(whole.Published.ContainsKey("disk"));
            for (int calls = 0; calls < whole.Calls; calls++)
            {
                FaultingImageSink sink = new(calls);
                Assert.Throws<FaultException>(() => Write(sink, content, subformat));
                Assert.False(sink.Published.ContainsKey("disk"));
            }
        }
    }

    [Fact]
    public void Parse_Descriptor_ToleratesSpacesLineEndsCommentsAndCodePages()
    {
        Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);
        string text = "# Disk DescriptorFile\r\n\r\nversion = 1 \r\nencoding=\"GBK\"\r\nCID= 0000abcd\r\nparentCID=ffffffff\r\n# comment\r\nRW  16  FLAT  \"\u865a\u62df-flat.vmdk\"  8\r\nddb.adapterType = \"ide\" \r\n";
        VmdkDescriptor descriptor = VmdkDescriptor.Parse(Encoding.GetEncoding("GBK").GetBytes(text), 0, DiskReadLimits.Untrusted);
        Assert.Equal(0xabcdu, descriptor.ContentId);
        Assert.False(descriptor.HasParent);
        VmdkExtentLine line = Assert.Single(descriptor.Extents);
        Assert.Equal((16L, "FLAT", "\u865a\u62df-flat.vmdk", 8L), (line.Sectors, line.Type, line.FileName, line.FirstSector));
        Assert.Equal("ide", descriptor.Find("DDB.adaptertype"));
    }

    [Fact]
    public void Open_LastGrainStoredShort_ReadsItsEndAsZeros()
    {
        byte[] content = VmdkSamples.Content(65536 + 512, 4);
        content.AsSpan(65536).Fill(9);
        byte[] image = VmdkSamples.Write(content, new VmdkOptions { Subformat = VmdkSubformat.StreamOptimized });
        int at = image.AsSpan().LastIndexOf(Zip(Pad(content[65536..])));
        Assert.True(at > 0);
        byte[] small = Zip(content[65536..]);
        image.AsSpan(at, 500).Clear();
        small.CopyTo(image, at);
        BitConverter.TryWriteBytes(image.AsSpan(at - 4), small.Length);
        using VirtualDisk disk = VmdkSamples.Open(image);
        Assert.Equal(content, VmdkSamples.ReadAll(disk));
    }

    [Fact]
    public void ParseOptions_KnowsTheNamesOfQemu()
    {
        VmdkOptions options = (VmdkOptions)VmdkFormat.Instance.ParseOptions(new Dictionary<string, string>
        {
            ["subformat"] = "streamOptimized", ["adapter_type"] = "buslogic", ["hwversion"] = "13", ["zeroed_grain"] = "on",
        });
        Assert.Equal((VmdkSubformat.StreamOptimized, "buslogic", 13, true), (options.Subformat, options.AdapterType, options.HardwareVersion, options.UseZeroedGrains));
        Assert.Equal(6, ((VmdkOptions)VmdkFormat.Instance.ParseOptions(new Dictionary<string, string> { ["compat6"] = "on" })).HardwareVersion);
        Assert.Throws<ArgumentException>(() => VmdkFormat.Instance.ParseOptions(new Dictionary<string, string> { ["subformat"] = "x" }));
        Assert.Throws<ArgumentException>(() => VmdkFormat.Instance.ParseOptions(new Dictionary<string, string> { ["colour"] = "x" }));
        Assert.Throws<ArgumentException>(() => VmdkFormat.Instance.Create(new MemoryImageSink(), 512, new VmdkOptions { AdapterType = "scsi" }));
        Assert.Throws<ArgumentException>(() => VmdkFormat.Instance.Create(new MemoryImageSink(), 512, new RawOptions()));
    }

    private static void Write(ImageSink sink, byte[] content, VmdkSubformat subformat)
    {
        using DiskWriter writer = VmdkFormat.Instance.Create(sink, content.Length, new VmdkOptions { Subformat = subformat });
        writer.Write(content, 0);
        writer.Complete();
    }

    private static byte[] Pad(byte[] content)
    {
        Array.Resize(ref content, 65536);
        return content;
    }

    private static byte[] Zip(byte[] content)
    {
        byte[] buffer = new byte[VmdkGrainCodec.EncodeBufferLength(65536)];
        int padded = VmdkGrainCodec.Encode(content, 0, buffer);
        Assert.True(padded > 0);
        return buffer[12..(12 + BitConverter.ToInt32(buffer, 8))];
    }
}
