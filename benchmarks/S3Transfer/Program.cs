// The vendor's client alone: how long the same bytes take without a repository.
//   S3Transfer put ENDPOINT BUCKET FOLDER        every file below FOLDER as an object, several at once; prints the seconds
//   S3Transfer get ENDPOINT BUCKET BYTES         whole objects until so many bytes came, several at once; prints the seconds
// Credentials from the environment. The client is warm before the clock starts.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;

const int AtOnce = 4;
using AmazonS3Client client = new(new EnvironmentVariablesAWSCredentials(), new AmazonS3Config
{
    ServiceURL = args[1],
    AuthenticationRegion = "us-east-1",
    ForcePathStyle = true,
    RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
    ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
    BufferSize = 128 << 10,
});
string bucket = args[2];
await client.PutBucketAsync(new PutBucketRequest { BucketName = bucket });
await PutAsync("warm", new byte[1 << 20]);
await GetAsync("warm");
await client.DeleteObjectAsync(bucket, "warm");
ParallelOptions parallel = new() { MaxDegreeOfParallelism = AtOnce };
long begun;
long bytes = 0;
switch (args[0])
{
    case "put":
        byte[][] contents = [.. Directory.GetFiles(args[3], "*", SearchOption.AllDirectories).Select(File.ReadAllBytes)];
        begun = Stopwatch.GetTimestamp();
        await Parallel.ForAsync(0, contents.Length, parallel, async (index, _) => await PutAsync($"raw/{index:d4}", contents[index]));
        bytes = contents.Sum(static content => (long)content.Length);
        break;
    case "get":
        long wanted = long.Parse(args[3], CultureInfo.InvariantCulture);
        List<S3Object> objects = (await client.ListObjectsV2Async(new ListObjectsV2Request { BucketName = bucket, Prefix = "raw/" })).S3Objects;
        objects = [.. objects.OrderByDescending(static found => found.Size)];
        int enough = 0;
        for (long sum = 0; enough < objects.Count && sum < wanted; enough++)
        {
            sum += objects[enough].Size ?? 0;
        }

        begun = Stopwatch.GetTimestamp();
        await Parallel.ForAsync(0, enough, parallel, async (index, _) => Interlocked.Add(ref bytes, await GetAsync(objects[index].Key)));
        break;
    default:
        Console.Error.WriteLine("put or get was expected");
        return 2;
}

double seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;

// Objects may be smaller or larger in sum than what is asked for: the time is that of the bytes asked for.
double scale = args[0] == "get" ? double.Parse(args[3], CultureInfo.InvariantCulture) / bytes : 1;
Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{seconds * scale:0.000} {bytes}"));
return 0;

async Task PutAsync(string key, byte[] content) =>
    await client.PutObjectAsync(new PutObjectRequest { BucketName = bucket, Key = key, InputStream = new MemoryStream(content), UseChunkEncoding = false });

async Task<long> GetAsync(string key)
{
    using GetObjectResponse response = await client.GetObjectAsync(bucket, key);
    byte[] buffer = new byte[1 << 20];
    long total = 0;
    int count;
    while ((count = await response.ResponseStream.ReadAsync(buffer)) > 0)
    {
        total += count;
    }

    return total;
}
