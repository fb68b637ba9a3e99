using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Storage;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots;

/// <summary>Names of images as parts of object names: any text, and never one folder for two of them.</summary>
public class ImageNameTests
{
    [Theory]
    [InlineData("web", "web")]
    [InlineData("Web", "%57eb")]
    [InlineData("web.", "web%2E")]
    [InlineData(".web", "%2Eweb")]
    [InlineData(".", "%2E")]
    [InlineData("web.v1", "web.v1")]
    [InlineData("con", "%63on")]
    [InlineData("nul.raw", "%6Eul.raw")]
    [InlineData("lpt9", "%6Cpt9")]
    [InlineData("console", "console")]
    [InlineData("com", "com")]
    [InlineData("a/b c", "a%2Fb%20c")]
    [InlineData("é", "%C3%A9")]
    public void Encode_AsTheFormatSays(string image, string expected) => Assert.Equal(expected, CloudImage.Sdk.Snapshots.ObjectNames.EncodeImage(image));

    [Fact]
    public void Encode_RandomNames_AreValidAndApartWhateverTheCase()
    {
        Random random = new(81);
        string[] parts = ["a", "A", "b", "B", ".", "%", "/", "%41", "é", "É", " ", "con", "CON", "-", "_", "1"];
        Dictionary<string, string> seen = new(StringComparer.OrdinalIgnoreCase);
        for (int round = 0; round < 20_000; round++)
        {
            string image = string.Concat(Enumerable.Range(0, random.Next(1, 6)).Select(_ => parts[random.Next(parts.Length)]));
            string encoded = CloudImage.Sdk.Snapshots.ObjectNames.EncodeImage(image);
            Assert.True(CloudImage.Sdk.Storage.ObjectNames.IsValid($"n/{encoded}/0000000001"), $"{image}: {encoded}");
            Assert.True(seen.TryAdd(encoded.TrimEnd('.'), image) || seen[encoded] == image, $"'{image}' and '{seen[encoded]}' share a folder.");
        }
    }

    [Fact]
    public async Task Capture_OfAwkwardNames_KeepsThemApartInAFolder()
    {
        string folder = Directory.CreateTempSubdirectory("snapshots-names").FullName;
        try
        {
            await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new DirectoryObjectStore(folder), SnapshotTestData.SmallChunks);
            string[] images = ["web", "Web", "WEB", "web.", ".web", "con", "ünï/cödé", "a b"];
            foreach (string image in images)
            {
                CaptureResult result = await repository.CaptureAsync(new ModelDisk(SnapshotTestData.Mixed(70_000, image.Length)), SnapshotTestData.Capture(image), null);
                Assert.Equal(1, result.Snapshot.Sequence);
                Assert.Equal(image, (await repository.FindLatestAsync(image))!.Image);
            }

            Assert.Equal(images.Order(StringComparer.Ordinal), (await repository.ListAsync()).Select(static snapshot => snapshot.Image).Order(StringComparer.Ordinal));
            Assert.Empty((await repository.VerifyAsync(VerifyOptions.Default, null)).Problems);
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }
}
